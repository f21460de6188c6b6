"""One row times four rows of a packed matrix, as vectors: of loops a compiler makes a sum for each group, three times as slow."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

from lfm.processor.matrix import GROUP, is_nibbles

LANES = 8  # numbers in a vector: what AVX2 has; a processor with less takes two, and one with more is waiting for memory
FREE = ("reassoc", "contract", "nsz")  # a product and its sum may be one operation

FLOAT, INT = ir.FloatType(), ir.IntType(32)
FLOATS, INTS, BYTES = (ir.VectorType(each, LANES) for each in (FLOAT, INT, ir.IntType(8)))


def _four_dots(typingctx: Any, x: Any, matrix: Any, rows: Any) -> Any:
    """x (1, in), a packed matrix and the numbers of four of its rows -> x times the integers of each, a group of them times its scale."""
    if any(array.layout != "C" for array in (x, *matrix.types)):
        raise TypingError("What is read as vectors must lie in one run of memory.")

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        numbers, packed, at = arguments
        kinds = matrix.types[:2]
        x_array = context.make_array(x)(context, builder, numbers)
        integers, scales = (context.make_array(kind)(context, builder, builder.extract_value(packed, n)) for n, kind in enumerate(kinds))
        groups, taken = (builder.extract_value(integers.shape, n) for n in (1, 2))
        starts = [builder.mul(builder.extract_value(at, k), groups) for k in range(4)]  # of each row, in groups
        sums = [cgutils.alloca_once_value(builder, ir.Constant(FLOATS, [0.0] * LANES)) for _ in range(4)]
        with cgutils.for_range(builder, groups) as loop:
            first = builder.gep(x_array.data, [builder.mul(loop.index, groups.type(GROUP))])
            parts = [builder.add(start, loop.index) for start in starts]
            places = [builder.gep(integers.data, [builder.mul(part, taken)]) for part in parts]
            for part, dot, total in zip(parts, products(builder, first, places, is_nibbles(matrix)), sums, strict=True):
                scale = as_float(builder, builder.load(builder.gep(scales.data, [part])))
                builder.store(plus_product(builder, builder.load(total), dot, in_all_lanes(builder, scale)), total)
        return context.make_tuple(builder, signature.return_type, [lanes_of(builder, builder.load(total)) for total in sums])

    return types.UniTuple(types.float32, 4)(x, matrix, rows), code


four_dots: Any = intrinsic(_four_dots)


def products(builder: Any, x: Any, places: list[Any], nibbles: bool) -> list[Any]:
    """A group of x times the integers at each place, lane by lane; some of x, which stay in registers, by all places and then the next."""
    totals = [ir.Constant(FLOATS, [0.0] * LANES) for _ in places]
    for first in range(0, GROUP // 2 if nibbles else GROUP, LANES):
        some = vector(builder, x, FLOATS, first)
        others = vector(builder, x, FLOATS, GROUP // 2 + first) if nibbles else None
        for n, place in enumerate(places):
            integers = builder.zext(vector(builder, place, BYTES, first), INTS)
            if nibbles:
                upper = builder.lshr(integers, ir.Constant(INTS, [4] * LANES))
                integers = builder.and_(integers, ir.Constant(INTS, [15] * LANES))
                totals[n] = plus_product(builder, totals[n], builder.sitofp(upper, FLOATS), others)
            totals[n] = plus_product(builder, totals[n], builder.sitofp(integers, FLOATS), some)
    return totals


def vector(builder: Any, pointer: Any, kind: Any, first: int) -> Any:
    """Some numbers of an array, wherever they lie."""
    return builder.load(builder.bitcast(builder.gep(pointer, [INT(first)]), kind.as_pointer()), align=1)


def plus_product(builder: Any, total: Any, a: Any, b: Any) -> Any:
    return builder.fadd(total, builder.fmul(a, b, flags=FREE), flags=FREE)


def as_float(builder: Any, number: Any) -> Any:
    """A float32, or a bfloat16 that is an integer of 16 bits."""
    if number.type == FLOAT:
        return number
    return builder.bitcast(builder.shl(builder.zext(number, INT), INT(16)), FLOAT)


def in_all_lanes(builder: Any, number: Any) -> Any:
    empty = ir.Constant(FLOATS, ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(empty, number, INT(0)), empty, ir.Constant(INTS, [0] * LANES))


def lanes_of(builder: Any, numbers: Any) -> Any:
    """Their sum."""
    total = builder.extract_element(numbers, INT(0))
    for lane in range(1, LANES):
        total = builder.fadd(total, builder.extract_element(numbers, INT(lane)), flags=FREE)
    return total
