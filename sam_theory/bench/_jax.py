"""The work in JAX: scans written by hand, and ``optax.contrib.sam`` under jit, vmap and scan.

By hand the gradient is written out; optax gets ``jax.grad`` of the loss, as its documentation has it, unless told
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sam_theory.bench._cases import Case, matrix, parameters, spectrum, starts

Work = Callable[[], dict[str, Any]]


def versions() -> dict[str, str]:
    """What takes part."""
    import jax
    import optax

    return {"jax": jax.__version__, "optax": optax.__version__}


def prepare(case: Case, options: dict[str, Any]) -> Work:
    """The work of a case as a function, compiled."""
    import jax

    jax.config.update("jax_enable_x64", True)
    optax = options["peer"] == "optax"
    if case.kind == "product":
        gradient = options.get("gradient", "loss")
        make = (lambda setting: _optax_trajectory(setting, gradient)) if optax else _by_hand
        return _product(case, options.get("chunk"), make)
    return _quadratic(case, _optax_sam if optax else _sam)


def _slope(loss: str) -> Callable[[Any], Any]:
    import jax.numpy as jnp

    return jnp.tanh if loss == "log_cosh" else (lambda z: z / jnp.sqrt(1 + z * z))


def _gradient(loss: str, how: str) -> Callable[..., Any]:
    """The gradient of ℓ(xy), written by hand or derived by JAX from the loss."""
    import jax
    import jax.numpy as jnp

    if how == "hand":
        slope = _slope(loss)
        return lambda w, _=None: slope(w[0] * w[1]) * w[::-1]
    form: Any = (lambda z: jnp.log(jnp.cosh(z))) if loss == "log_cosh" else (lambda z: jnp.sqrt(1 + z * z))
    return jax.grad(lambda w, _=None: form(w[0] * w[1]))


# -- losses of two variables ----------------------------------------------------------------------------------------


def _observed(step: Callable[[Any], Any], size: Callable[[Any], Any], setting: Any, w: Any) -> tuple[Any, Any, Any]:
    """Final state, largest ``size`` over the last steps, and the recorded states."""
    import jax
    import jax.numpy as jnp

    steps, last, every = setting["steps"], setting["last"], setting["every"]
    if every:

        def block(w: Any, _: Any) -> tuple[Any, Any]:
            w = jax.lax.scan(lambda v, _: (step(v), None), w, None, length=every)[0] if every > 1 else step(w)
            return w, w

        begin = w
        w, states = jax.lax.scan(block, w, None, length=steps // every)
        states = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), begin, states)
        w = jax.lax.scan(lambda v, _: (step(v), None), w, None, length=steps % every)[0]
        return w, jnp.zeros_like(size(w)), states
    early = max(0, steps - last)
    w = jax.lax.scan(lambda v, _: (step(v), None), w, None, length=early)[0]

    def observe(carry: Any, _: Any) -> tuple[Any, None]:
        v = step(carry[0])
        return (v, jnp.maximum(carry[1], size(v))), None

    top = size(w) if last > steps else jnp.zeros_like(size(w))
    (w, top), _ = jax.lax.scan(observe, (w, top), None, length=steps - early)
    return w, top, None


def _by_hand(setting: Any) -> Callable[[Any, Any], dict[str, Any]]:
    """All trajectories at once, coordinate by coordinate."""
    import jax.numpy as jnp

    slope, normalised = _slope(setting["loss"]), setting["rule"] == "sam"

    def whole(eta: Any, rho: Any) -> dict[str, Any]:
        def step(w: Any) -> Any:
            x, y = w
            d = slope(x * y)
            g, h = d * y, d * x
            r = rho
            if normalised:
                norm = jnp.sqrt(g * g + h * h)
                r = rho / jnp.where(norm == 0, 1.0, norm)
            p, q = x + r * g, y + r * h
            d = eta * slope(p * q)
            return x - d * q, y - d * p

        begin = tuple(jnp.full_like(eta, v) for v in setting["start"])
        (x, y), top, states = _observed(step, lambda w: jnp.abs(w[0] * w[1]), setting, begin)
        out = {"final": jnp.stack([x, y]), "top": top, "diverged": ~(x * x + y * y <= 1e24)}
        return out if states is None else {**out, "states": jnp.stack(states, axis=1)}

    return whole


def _optax_trajectory(setting: Any, how: str) -> Callable[[Any, Any], dict[str, Any]]:
    """One trajectory by ``optax.contrib.sam``, mapped over the batch."""
    import jax
    import jax.numpy as jnp

    gradient = _gradient(setting["loss"], how)

    def single(eta: Any, rho: Any) -> dict[str, Any]:
        step = _optax_step(gradient, eta, rho, setting["rule"] == "sam")
        begin = jnp.array(setting["start"])
        w, top, states = _observed(step, lambda w: jnp.abs(w[0] * w[1]), setting, begin)
        out = {"final": w, "top": top, "diverged": ~(jnp.sum(w * w) <= 1e24)}
        return out if states is None else {**out, "states": states}

    axes = {"final": 1, "top": 0, "diverged": 0, **({"states": 2} if setting["every"] else {})}
    return jax.vmap(single, out_axes=axes)


def _optax_step(gradient: Any, eta: Any, rho: Any, normalised: bool) -> Callable[[Any], Any]:
    import jax.numpy as jnp
    import optax

    def unit(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        # optax.contrib.normalize, but where the norm underflows: there it gives nan, everyone else's SAM stays.
        norm = optax.tree.norm(updates)
        return updates / jnp.where(norm == 0, 1.0, norm), state

    normalize = optax.GradientTransformation(lambda params: optax.EmptyState(), unit)
    ascent = optax.chain(normalize, optax.sgd(rho)) if normalised else optax.sgd(rho)
    optimizer = optax.contrib.sam(optax.sgd(eta), ascent, opaque_mode=True)

    def step(w: Any) -> Any:
        # Neither optimizer has a state; a fresh one costs nothing once compiled.
        updates, _ = optimizer.update(gradient(w), optimizer.init(w), w, grad_fn=gradient)
        return optax.apply_updates(w, updates)

    return step


def _product(case: Case, chunk: int | None, make: Callable[[Any], Any]) -> Work:
    import jax
    import jax.numpy as jnp
    import numpy as np

    eta, rho = parameters(case.setting)
    size = min(chunk or len(eta), len(eta))
    parts = [slice(i, i + size) for i in range(0, len(eta), size)]
    inputs = [(jnp.asarray(eta[p]), jnp.asarray(rho[p])) for p in parts]
    whole = jax.jit(make(case.setting))
    # The last part may be shorter.
    compiled = {len(e): whole.lower(e, r).compile() for e, r in (inputs[0], inputs[-1])}

    def run() -> dict[str, Any]:
        outs = [jax.block_until_ready(compiled[len(e)](e, r)) for e, r in inputs]
        if len(outs) == 1:
            return {name: np.asarray(v) for name, v in outs[0].items()}
        return {name: np.concatenate([np.asarray(o[name]) for o in outs], axis=-1) for name in outs[0]}

    return run


# -- quadratics -------------------------------------------------------------------------------------------------------


def _sam(gradient: Any, w: Any, setting: Any) -> Any:
    import jax
    import jax.numpy as jnp

    def step(w: Any, _: Any) -> tuple[Any, None]:
        g = gradient(w)
        norm = jnp.sqrt(jnp.sum(g * g, axis=1, keepdims=True))
        return w - setting["eta"] * gradient(w + setting["rho"] / norm * g), None

    return jax.lax.scan(step, w, None, length=setting["steps"])[0]


def _optax_sam(gradient: Any, start: Any, setting: Any) -> Any:
    import jax

    step = _optax_step(lambda w, _=None: gradient(w), setting["eta"], setting["rho"], True)
    return jax.vmap(lambda w: jax.lax.scan(lambda v, _: (step(v), None), w, None, length=setting["steps"])[0])(start)


def _quadratic(case: Case, sam: Any) -> Work:
    import jax
    import jax.numpy as jnp
    import numpy as np

    diagonal = case.kind == "diagonal"
    operator = jnp.asarray(spectrum(case.setting) if diagonal else matrix(case.setting))
    start = jnp.asarray(starts(case.setting))
    whole = jax.jit(lambda a, w: sam((lambda v: a * v) if diagonal else (lambda v: v @ a), w, case.setting))
    compiled = whole.lower(operator, start).compile()
    return lambda: {"final": np.asarray(jax.block_until_ready(compiled(operator, start)))}
