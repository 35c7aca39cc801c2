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


def mutate(source, function):
    """Yield changed versions of a function in a module's source, as pairs of (what, callable)."""
    tree = ast.parse(source)
    index = next(
        i
        for i, node in enumerate(tree.body)
        if isinstance(node, ast.FunctionDef) and node.name == function
    )
    original = tree.body[index]
    if isinstance(original.body[0], ast.Expr):  # the docstring
        original.body = original.body[1:]
    number = -1
    nodes = []

    class Number(ast.NodeVisitor):
        def visit(self, node):
            nodes.append(node)
            self.generic_visit(node)

    Number().visit(original)
    for number, node in enumerate(nodes):
        for other in _changes(node):
            body = copy.deepcopy(tree.body)
            body[index] = ast.fix_missing_locations(
                _Replace(number, other).visit(copy.deepcopy(original))
            )
            line = ast.unparse(node).split("\n")[0]
            what = f"line {node.lineno}: {line} -> {ast.unparse(ast.fix_missing_locations(other))}"
            names = {"__name__": "mutant"}
            exec(compile(ast.Module(body, []), "mutant", "exec"), names)
            yield what.split("\n")[0], names[function]


def spoil(function, arity):
    """Yield a right answer made wrong from outside, as pairs of (what, callable)."""

    def arrays(value):
        if isinstance(value, dict):
            return [array for part in value.values() for array in arrays(part)]
        if isinstance(value, (tuple, list)):
            return [array for part in value for array in arrays(part)]
        return [value] if isinstance(value, np.ndarray) else []

    def on_result(change):
        def apply(value):
            if isinstance(value, dict):
                return {key: apply(part) for key, part in value.items()}
            if isinstance(value, (tuple, list)):
                return type(value)(map(apply, value))
            return change(value) if isinstance(value, (np.ndarray, float, int)) else value

        return lambda *given: apply(function(*given))

    yield "rounded to integers", on_result(np.trunc)
    yield "not precise", on_result(lambda x: x * (1 + 1e-4))
    yield "the wrong sign", on_result(lambda x: -x)
    yield "infinities hidden", on_result(np.nan_to_num)
    yield "one more axis", on_result(lambda x: np.asarray(x)[None])

    def changes_arguments(*given):
        out = copy.deepcopy(function(*given))
        for array in arrays(given):
            if array.size:
                array.flat[0] = 1 - array.flat[0]
        return out

    yield "changes its arguments", changes_arguments
    for i in range(arity):

        def ignores(*given, i=i):
            value = given[i]
            if isinstance(value, np.ndarray):
                value = np.zeros_like(value)
            elif isinstance(value, (int, float)) and not isinstance(value, bool):
                value = type(value)(1)
            elif isinstance(value, bool):
                value = not value
            return function(*given[:i], value, *given[i + 1 :])

        yield f"argument {i + 1} ignored", ignores
