"""ShuffleNet v1 (arXiv 1707.01083) for every published group count and width, and v2 (1807.11164).

"shufflenet-v1-g3" is three groups at full width, "shufflenet-v1-g3-0.5x" half of that width.
"""

from collections.abc import Callable
from functools import partial

from nas.architecture import Architecture

# Groups: channels of the first stage at full width; each further stage has twice as many.
V1_CHANNELS = {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}
# Width: channels of the stem. The paper gives those at full width; the published complexities imply the others.
V1_STEMS = {0.25: 12, 0.5: 12, 1.0: 24, 1.5: 24, 2.0: 48}
# Width: channels of the three stages and of the head.
V2_CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
REPEATS = (4, 8, 4)


def v1(groups: int, width: float) -> Architecture:
    """ShuffleNet v1 with `groups` groups in its 1x1 convolutions, the stages' channels multiplied by `width`."""
    stem = -(-V1_STEMS[width] // groups) * groups  # its channels join the first unit's, which has groups
    lines = ["input 224x224x3", f"stem conv k3 s2 c{stem}", "stem max_pool k3 s2"]
    for index, repeats in enumerate(REPEATS):
        unit = f"stage shuffle c{round(V1_CHANNELS[groups] * 2**index * width)} g{groups}"
        first = " first_groups=1" if index == 0 and groups > 1 else ""
        lines += [f"{unit} s2{first}", f"{unit} x{repeats - 1}"]
    return Architecture.parse("\n".join([*lines, "head pool", "head dense c1000"]), f"shufflenet-v1-g{groups}")


def v2(width: float) -> Architecture:
    """ShuffleNet v2 of the published `width`."""
    *stages, head = V2_CHANNELS[width]
    lines = ["input 224x224x3", "stem conv k3 s2 c24", "stem max_pool k3 s2"]
    lines += [f"stage shuffle_v2 s2 c{channels} x{repeats}" for channels, repeats in zip(stages, REPEATS, strict=True)]
    lines += [f"head conv k1 c{head}", "head pool", "head dense c1000"]
    return Architecture.parse("\n".join(lines), f"shufflenet-v2-{width}x")


NETWORKS: dict[str, Callable[[], Architecture]] = {
    **{f"shufflenet-v1-g{groups}": partial(v1, groups, 1.0) for groups in V1_CHANNELS},
    **{
        f"shufflenet-v1-g{groups}-{width}x": partial(v1, groups, width)
        for groups in V1_CHANNELS
        for width in V1_STEMS
        if width != 1
    },
    **{f"shufflenet-v2-{width}x": partial(v2, width) for width in V2_CHANNELS},
}
