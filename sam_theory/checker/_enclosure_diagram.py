from typing import Any


def check_diagram(body: Any) -> None:
    raise NotImplementedError
