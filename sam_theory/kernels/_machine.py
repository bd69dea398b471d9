"""LLVM modules as machine code of this processor, compiled once as long as the code is in use.

Floating-point operations stay what the module says: nothing is contracted, reassociated or approximated.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import llvmlite.binding as llvm

_lock = threading.Lock()  # LLVM's global context serves one thread at a time
_modules: WeakValueDictionary[str, Machine] = WeakValueDictionary()


@dataclass(frozen=True)
class Machine:
    """Machine code of a module, alive as long as this object is.

    Parameters
    ----------
    engine : llvmlite.binding.ExecutionEngine
        What owns the code.
    """

    engine: Any

    def address(self, name: str) -> int:
        """The address of the function ``name``, for ``ctypes.CFUNCTYPE(...)(address)``; 0 where there is none."""
        return int(self.engine.get_function_address(name))


@cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple()


def _target_machine() -> Any:
    # One for each module: an engine takes possession of its own.
    return _target().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten(), opt=3, jit=True
    )


def align_stack(function: Any) -> None:
    """Let the registers that a function of a module keeps in memory stand on whole cache lines.

    Without it their place, and the speed of a kernel that needs many, is left to the caller's stack.
    """
    function.attributes.add("nounwind")  # llvmlite writes an alignment only beside another attribute
    function.attributes.alignstack = 64


def machine(module: Any) -> Machine:
    """The machine code of a module; the same object for a module of the same text.

    Parameters
    ----------
    module : llvmlite.ir.Module or str
        What to compile, or its text.

    Returns
    -------
    Machine
        The code is gone when nobody holds it any more: hold it beside every function made of its addresses.

    Raises
    ------
    RuntimeError
        If the text is no valid module: a mistake of the program that wrote it.
    """
    text = str(module)
    with _lock:
        known = _modules.get(text)
        if known is None:
            known = _modules[text] = Machine(_compiled(text))
        return known


def _compiled(text: str) -> Any:
    target_machine = _target_machine()
    parsed = llvm.parse_assembly(text)
    parsed.verify()
    _optimise(parsed, target_machine)
    engine = llvm.create_mcjit_compiler(parsed, target_machine)
    engine.finalize_object()
    return engine


def _optimise(module: Any, target_machine: Any) -> None:
    """Few passes: kernels are written as straight vector code, and have to be there within milliseconds."""
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_vectorization = options.slp_vectorization = False
    options.loop_unrolling = options.loop_interleaving = False
    builder = llvm.create_pass_builder(target_machine, options)
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
