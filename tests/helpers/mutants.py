"""Wrong answers made by a program: solutions with one small change each, as a reader makes them."""

import ast
import copy

import numpy as np

OTHER = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.BitXor: ast.Add,
}
NAMES = {
    "max": "min",
    "min": "max",
    "maximum": "minimum",
    "minimum": "maximum",
    "sum": "mean",
    "mean": "sum",
    "zeros": "ones",
    "zeros_like": "ones_like",
    "reversed": "list",
    "ceil": "floor",
    "floor": "ceil",
    "sqrt": "abs",
    "exp": "abs",
    "argmax": "argmin",
    "cos": "sin",
    "sin": "cos",
    "real": "imag",
    "any": "all",
    "all": "any",
    "cumsum": "array",
    "rfft": "fft",
    "logaddexp": "maximum",
    "uniform": "normal",
}


def _changes(node):
    """Yield changed copies of one node."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for step in (1, -1):
            yield ast.Constant(node.value + step)
    elif isinstance(node, ast.Constant) and type(node.value) is bool:
        yield ast.Constant(not node.value)
    elif isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in OTHER:
        other = copy.copy(node)
        other.op = OTHER[type(node.op)]()
        yield other
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in OTHER:
        other = copy.copy(node)
        other.ops = [OTHER[type(node.ops[0])](), *node.ops[1:]]
        yield other
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        yield node.operand
    elif isinstance(node, ast.Name) and node.id in NAMES and isinstance(node.ctx, ast.Load):
        yield ast.Name(NAMES[node.id], ast.Load())
    elif isinstance(node, ast.Attribute) and node.attr in NAMES:
        yield ast.Attribute(node.value, NAMES[node.attr], node.ctx)
    elif isinstance(node, ast.If):
        yield from node.body[:1]
        yield node.orelse[0] if node.orelse else ast.Pass()
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, (ast.Assign, ast.AugAssign)):
        yield ast.Pass()
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
        yield ast.Return(ast.Tuple(node.value.elts[::-1], ast.Load()))
    elif isinstance(node, ast.Slice) and (node.lower or node.upper):
        for bound in ("lower", "upper"):
            if getattr(node, bound):
                yield ast.Slice(**{**vars(node), bound: None})
    elif isinstance(node, ast.Call) and node.keywords:
        yield ast.Call(node.func, node.args, node.keywords[1:])


class _Replace(ast.NodeTransformer):
    """Put another node in the place of the one with a number."""

    def __init__(self, number, other):
        self.number, self.other, self.count = number, other, -1

    def visit(self, node):
        self.count += 1
        if self.count == self.number:
            return self.other
        return self.generic_visit(node)


class _Unstrict(ast.NodeTransformer):
    """Leave out ``strict``: sequences of unequal length do not occur."""

    def visit_keyword(self, node):
        return None if node.arg == "strict" else node


def _nodes(node, statement=None):
    """Yield all nodes in the order of a transformer, each with the first line of its statement."""
    if isinstance(node, ast.stmt):
        statement = ast.unparse(node).partition("\n")[0]
    yield node, statement
    for child in ast.iter_child_nodes(node):
        yield from _nodes(child, statement)


def mutate(source, function):
    """Yield changed versions of a function in a module's source, as pairs of (what, callable)."""
    tree = _Unstrict().visit(ast.parse(source))
    index = next(i for i, node in enumerate(tree.body) if getattr(node, "name", "") == function)
    original = tree.body[index]
    if isinstance(original.body[0], ast.Expr):  # the docstring
        original.body = original.body[1:]
    for number, (node, statement) in enumerate(_nodes(original)):
        for other in _changes(node):
            other = ast.fix_missing_locations(other)
            body = copy.deepcopy(tree.body)
            body[index] = _Replace(number, other).visit(body[index])
            names = {}
            exec(compile(ast.fix_missing_locations(ast.Module(body, [])), "mutant", "exec"), names)
            old, new = (ast.unparse(n).partition("\n")[0] for n in (node, other))
            yield f"{old} -> {new} in `{statement}`", names[function]


def on_parts(change, value):
    """Change all arrays, numbers and texts within a value."""
    if isinstance(value, dict):
        return {key: on_parts(change, part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(on_parts(change, part) for part in value)
    return change(value)


def on_numbers(change):
    return lambda value: value if isinstance(value, str) or callable(value) else change(value)


def forget(value):
    """Put something in the place of an argument that does not depend on it."""
    if isinstance(value, np.ndarray):
        return np.zeros_like(value)
    if isinstance(value, str):
        return "?" * len(value)
    if callable(value):
        return lambda dout: (dout, {})
    return not value if isinstance(value, bool) else type(value)(1)


def disturb(value):
    """Change a number in each array or list, in place."""
    if isinstance(value, dict):
        value.clear()
    elif isinstance(value, list):
        value.append(value[0] if value else 0)
    elif isinstance(value, np.ndarray) and value.size:
        value.flat[0] = 1 - value.flat[0]


RESULTS = {
    "rounded to integers": np.trunc,
    "not precise": lambda x: x * (1 + 1e-4),
    "the wrong sign": lambda x: -x,
    "infinities hidden": np.nan_to_num,
    "one more axis": lambda x: np.asarray(x)[None],
}


def spoil(function, arguments):
    """Yield a right answer made wrong from outside, as pairs of (what, callable)."""
    for what, change in RESULTS.items():
        yield what, lambda *given, change=change: on_parts(on_numbers(change), function(*given))
    if any(isinstance(value, (dict, list, np.ndarray)) for value in arguments):

        def changes_arguments(*given):
            out = copy.deepcopy(function(*given))
            for value in given:
                disturb(value)
            return out

        yield "changes its arguments", changes_arguments
    for i in range(len(arguments)):

        def ignores(*given, i=i):
            return function(*given[:i], on_parts(forget, given[i]), *given[i + 1 :])

        yield f"argument {i + 1} ignored", ignores
