"""What every emitted file begins with: the sign, the cases of kinks, and how denominators are multiplied out."""

from __future__ import annotations

PRELUDE = """\
Require Import Reals Lra Psatz.
Open Scope R_scope.

(* The sign of a real number. *)
Definition sgn (x : R) : R := if Rlt_dec 0 x then 1 else if Rlt_dec x 0 then -1 else 0.

(* Cases of the sign, the absolute value, the minimum and the maximum; what a square root is. *)
Lemma sgn_cases x : (0 < x /\\ sgn x = 1) \\/ (x < 0 /\\ sgn x = -1) \\/ (x = 0 /\\ sgn x = 0).
Proof. unfold sgn; destruct (Rlt_dec 0 x); [ lra | destruct (Rlt_dec x 0); lra ]. Qed.
Lemma abs_cases x : (0 <= x /\\ Rabs x = x) \\/ (x < 0 /\\ Rabs x = - x).
Proof. unfold Rabs; destruct (Rcase_abs x); lra. Qed.
Lemma min_cases a b : (a <= b /\\ Rmin a b = a) \\/ (b < a /\\ Rmin a b = b).
Proof. unfold Rmin; destruct (Rle_dec a b); lra. Qed.
Lemma max_cases a b : (a <= b /\\ Rmax a b = b) \\/ (b < a /\\ Rmax a b = a).
Proof. unfold Rmax; destruct (Rle_dec a b); lra. Qed.
Lemma root_spec a : 0 <= sqrt a /\\ (0 <= a -> (sqrt a) ^ 2 = a).
Proof. split; [ apply sqrt_pos | intros A; simpl; rewrite Rmult_1_r; exact (sqrt_sqrt a A) ]. Qed.

(* A positive denominator is multiplied out. *)
Lemma clear_le x y d : x <= y -> 0 < d -> 0 <= (y - x) * d.
Proof. nra. Qed.
Lemma clear_lt x y d : x < y -> 0 < d -> 0 < (y - x) * d.
Proof. nra. Qed.
Lemma clear_eq x y d : x = y -> (x - y) * d = 0.
Proof. intros ->; ring. Qed.
Ltac nz :=
  first [ lra | nra | apply pow_nonzero; nz | apply Rmult_integral_contrapositive_currified; nz ].
"""
