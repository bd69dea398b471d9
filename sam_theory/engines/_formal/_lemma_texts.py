"""Lemmas on trajectories, proved once and for all in Coq, by induction on the step."""

from __future__ import annotations

#: Statement and proof of each lemma, by its name in Coq; a file holds those that it uses.
LEMMA_TEXTS: dict[str, str] = {
    "geometric_sum": """\
Lemma geometric_sum (E : nat -> R) (q b : R) :
  0 <= q -> q < 1 -> 0 <= b -> (forall t, E (S t) <= q * E t + b) ->
  forall t, E t <= q ^ t * E 0%nat + b / (1 - q).
Proof.
intros Q0 Q1 B H.
assert (T : 0 <= b / (1 - q)) by (apply Rmult_le_pos; [ lra | left; apply Rinv_0_lt_compat; lra ]).
assert (F : q * (b / (1 - q)) + b = b / (1 - q)) by (field; lra).
induction t as [|t IH]; simpl; [ lra | ].
specialize (H t); apply (Rmult_le_compat_l q _ _ Q0) in IH; lra.
Qed.
""",
    "telescoping_sum": """\
Lemma telescoping_sum (a phi : nat -> R) (K : R) :
  0 <= K -> (forall t, 0 <= phi t) -> (forall t, a t <= K * (phi t - phi (S t))) ->
  forall t, sum_f_R0 a t <= K * phi 0%nat.
Proof.
intros K0 P H t.
enough (G : sum_f_R0 a t <= K * (phi 0%nat - phi (S t))).
{ pose proof (Rmult_le_pos _ _ K0 (P (S t))); lra. }
induction t as [|t IH]; simpl; [ apply H | ].
specialize (H (S t)); lra.
Qed.
""",
    "max_recursion": """\
Lemma max_recursion (E : nat -> R) (q b : R) :
  0 <= q -> q <= 1 -> 0 <= b -> (forall t, E (S t) <= Rmax (q * E t) b) ->
  forall t, E t <= Rmax (q ^ t * E 0%nat) b.
Proof.
intros Q0 Q1 B H.
induction t as [|t IH]; simpl; [ rewrite Rmult_1_l; apply Rmax_l | ].
apply Rle_trans with (1 := H t); apply Rmax_lub; [ | apply Rmax_r ].
apply (Rmult_le_compat_l q _ _ Q0) in IH.
apply Rle_trans with (1 := IH); unfold Rmax at 1; destruct (Rle_dec (q ^ t * E 0%nat) b).
- apply Rle_trans with b; [ nra | apply Rmax_r ].
- rewrite <- Rmult_assoc; apply Rmax_l.
Qed.
""",
    "absorbing_level": """\
Lemma absorbing_level (E : nat -> R) (q C : R) :
  0 <= q -> q < 1 -> (forall t, E (S t) <= Rmax C (q * E t + (1 - q) * C)) ->
  forall t, E t <= C + q ^ t * Rmax 0 (E 0%nat - C).
Proof.
intros Q0 Q1 H.
induction t as [|t IH]; simpl.
- pose proof (Rmax_r 0 (E 0%nat - C)); lra.
- apply Rle_trans with (1 := H t); apply Rmax_lub.
  + pose proof (Rmult_le_pos _ _ Q0 (pow_le q t Q0)) as P.
    pose proof (Rmult_le_pos _ _ P (Rmax_l 0 (E 0%nat - C))); lra.
  + apply (Rmult_le_compat_l q _ _ Q0) in IH; lra.
Qed.
""",
    "absorbing_limsup": """\
Lemma absorbing_limsup (E : nat -> R) (q C : R) :
  0 <= q -> q < 1 -> (forall t, E (S t) <= Rmax C (q * E t + (1 - q) * C)) ->
  forall e, 0 < e -> exists N, forall t, (N <= t)%nat -> E t <= C + e.
Proof.
intros Q0 Q1 H e He.
set (x := Rmax 0 (E 0%nat - C)).
assert (X : 0 <= x) by apply Rmax_l.
destruct (pow_lt_1_zero q) with (y := e / (x + 1)) as [N HN].
{ rewrite Rabs_right; lra. }
{ apply Rdiv_lt_0_compat; lra. }
exists N; intros t Ht; specialize (HN t Ht); rewrite Rabs_right in HN by (apply Rle_ge, pow_le, Q0).
apply Rle_trans with (1 := absorbing_level E q C Q0 Q1 H t); fold x.
apply Rmult_lt_compat_r with (r := x + 1) in HN; [ | lra ].
replace (e / (x + 1) * (x + 1)) with e in HN by (field; lra).
pose proof (pow_le q t Q0); lra.
Qed.
""",
    "long_steps": """\
Lemma long_steps (d step : nat -> R) (c : R) :
  (forall t, step t <= d t + d (S t)) -> (forall t, c <= step t) ->
  forall N, exists t, (N <= t)%nat /\\ c / 2 <= d t.
Proof.
intros T H N; specialize (T N); specialize (H N).
destruct (Rle_lt_dec (c / 2) (d N)); [ exists N | exists (S N) ]; split; auto; lra.
Qed.
""",
    "affine_lower_recursion": """\
Lemma affine_lower_recursion (V : nat -> R) (a b : R) :
  -1 < a -> (forall t, 0 <= V t) -> (forall t, b - a * V t <= V (S t)) ->
  forall e, 0 < e -> forall N, ~ (forall t, (N <= t)%nat -> V t < b / (1 + a) - e).
Proof.
intros A P H e He N F.
set (m := b / (1 + a)) in *.
assert (M : b = m + a * m) by (unfold m; field; lra).
destruct (Rle_lt_dec 0 a) as [A0|A0].
- pose proof (F N (le_n N)) as F0; pose proof (F (S N) (le_S _ _ (le_n N))); specialize (H N); nra.
- assert (G : forall k, m - V (N + k)%nat <= (- a) ^ k * (m - V N)).
  { induction k as [|k IH]; simpl; [ rewrite Nat.add_0_r; lra | ].
    rewrite Nat.add_succ_r; specialize (H (N + k)%nat).
    apply (Rmult_le_compat_l (- a)) in IH; lra. }
  pose proof (F N (le_n N)) as F0.
  destruct (pow_lt_1_zero (- a)) with (y := e / (m - V N)) as [k Hk].
  { rewrite Rabs_right; lra. }
  { apply Rdiv_lt_0_compat; lra. }
  specialize (Hk k (le_n k)); rewrite Rabs_right in Hk by (apply Rle_ge, pow_le; lra).
  apply Rmult_lt_compat_r with (r := m - V N) in Hk; [ | lra ].
  replace (e / (m - V N) * (m - V N)) with e in Hk by (field; lra).
  specialize (G k); pose proof (F (N + k)%nat (Nat.le_add_r N k)); lra.
Qed.
""",
    "linear_growth": """\
Lemma linear_growth (u : nat -> R) (m : R) :
  1 < Rabs m -> u 0%nat <> 0 -> (forall t, u (S t) = m * u t) ->
  forall M, exists N, forall t, (N <= t)%nat -> M <= Rabs (u t).
Proof.
intros A U H M.
assert (G : forall t, u t = m ^ t * u 0%nat).
{ induction t as [|t IH]; simpl; [ ring | rewrite H, IH; ring ]. }
assert (P : 0 < Rabs (u 0%nat)) by (apply Rabs_pos_lt; exact U).
destruct (Pow_x_infinity m A (M / Rabs (u 0%nat))) as [N HN].
exists N; intros t Ht; specialize (HN t Ht); rewrite (G t), Rabs_mult.
apply Rge_le in HN; apply Rmult_le_compat_r with (r := Rabs (u 0%nat)) in HN; [ | lra ].
replace (M / Rabs (u 0%nat) * Rabs (u 0%nat)) with M in HN by (field; lra); exact HN.
Qed.
""",
}
