import pytest

from nas.architecture import Architecture
from nas.blocks import canonical
from nas.errors import InputError

TEXT = """input 32x32x3
stem  conv k3 s2 c16 act=swish
stage mbconv k3 s1 e1 c16 se0.25 act=swish
stage fused_mbconv k5 s2 e4.5 c24 x2
head  pool
head  dense c10
"""


def test_text_round_trips():
    architecture = Architecture.parse(TEXT)
    assert architecture.text == TEXT
    assert Architecture.parse(architecture.text) == architecture


def test_digest_is_of_the_content_alone():
    spaced = TEXT.replace("stem  conv", "# a comment\n\nstem     conv")
    assert Architecture.parse(spaced).digest == Architecture.parse(TEXT).digest
    assert Architecture.parse(TEXT.replace("c24", "c32")).digest != Architecture.parse(TEXT).digest


def test_canonical_spells_equal_networks_equally():
    short = Architecture.parse("input 8x8x1\nstem conv c4\nhead dense c2")
    long = Architecture.parse("input 8x8x1\nstem conv s1 se0 c4.0 k3 act=relu\nhead dense c2")
    assert short != long
    assert canonical(short) == canonical(long)
    assert canonical(short).text.splitlines()[1] == "stem  conv k3 s1 c4"


@pytest.mark.parametrize("detail", ["se_of=expanded", "se_divisor=8", "se_gate=hard-sigmoid", "se_activation=relu"])
@pytest.mark.parametrize("block", ["mbconv", "fused_mbconv"])
def test_canonical_leaves_out_what_says_more_of_what_there_is_not(block, detail):
    def spelled(options):
        return canonical(Architecture.parse(f"input 8x8x1\nstage {block} c4 {options}\nhead dense c2"))

    assert spelled(detail) == spelled("")
    assert spelled(f"se0.25 {detail}") != spelled("se0.25")


def test_with_classes_changes_the_last_channels_alone():
    architecture = Architecture.parse(TEXT).with_classes(7)
    assert architecture.classes == 7
    assert architecture.layers[:-1] == Architecture.parse(TEXT).layers[:-1]


def test_with_input_changes_resolution_and_channels():
    architecture = Architecture.parse(TEXT).with_input(resolution=64, channels=1)
    assert (architecture.resolution, architecture.channels) == (64, 1)


@pytest.mark.parametrize(
    "token", ["se0.00001", "e0.4166666", "e0.4166666666666667", "e4.5", "se0.0625", "e1000000.5", "e6", "rate=1e-05"]
)
def test_numbers_read_back(token):
    architecture = Architecture.parse(f"input 8x8x1\nstage mbconv {token} c8\nhead dense c2")
    assert architecture.text.splitlines()[1].split()[2] == token
    assert Architecture.parse(architecture.text) == architecture


def test_whole_numbers_are_written_as_such():
    layer = Architecture.parse("input 8x8x1\nstage mbconv e6 c8").layers[0]
    assert str(layer.with_options(expansion=4.0, se_ratio=0.0)) == "stage mbconv e4 c8 se0"
    assert str(layer.with_options(expansion=1e16)) == "stage mbconv e10000000000000000 c8"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stage mbconv k3 q9 c8", "line 2: cannot read 'q9'"),
        ("stge mbconv k3 c8", "line 2: unknown part 'stge'; did you mean 'stage'?"),
        ("stage", "line 2: 'stage' names no block"),
        ("stage mbconv k3 k5 c8", "line 2: 'k5' says kernel a second time"),
        ("stage mbconv k3 c8 x0", "line 2: 'x0' is no repeat count"),
        ("stage mbconv k3 c8 x1.5", "line 2: 'x1.5' is no repeat count"),
        ("stage mbconv k3 c8 x99999999", "line 2: 'x99999999' is no repeat count; expected x1, x2, ... x1000"),
        ("stage mbconv k3 c8 x1 x2", "line 2: 'x2' says x a second time"),
    ],
)
def test_parse_names_line_and_token(line, message):
    with pytest.raises(InputError, match=r"^net\.arch ") as error:
        Architecture.parse(f"input 8x8x1\n{line}\nhead dense c2", "net.arch")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "stem conv c8",
        "input 8x9x1\nhead dense c2",
        "input 0x0x1\nhead dense c2",
        "input 99999x99999x1\nhead dense c2",
        f"input {'9' * 5000}x8x1\nhead dense c2",
    ],
)
def test_parse_refuses_what_has_no_square_input(text):
    with pytest.raises(InputError, match="expected"):
        Architecture.parse(text)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stage mbcon k3 c8", "unknown block 'mbcon'; did you mean 'mbconv'?"),
        ("stage conv k3 e4 c8", "conv: unknown option 'expansion'"),
        ("stage conv k3", "conv: says no channels, which it needs"),
        ("stage conv k3.5 c8", "conv: kernel is '3.5'; expected int"),
        ("stage conv k99 c8", "conv: kernel is 99; expected 1 to 31"),
        ("stage conv k3 c8 act=rely", "unknown activation 'rely'; did you mean 'relu'?"),
    ],
)
def test_canonical_refuses_what_no_block_takes(line, message):
    architecture = Architecture.parse(f"input 8x8x1\n{line}\nhead dense c2", "net.arch")
    with pytest.raises(InputError, match=r"^net.arch line 2: ") as error:
        canonical(architecture, "net.arch")
    assert message in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "input {}",
        "input 8x8x1\n{} conv c8",
        "input 8x8x1\nstem {} c8",
        "input 8x8x1\nstem conv c8 {}",
        "input 8x8x1\nstem conv c8 {}=1",
        "input 8x8x1\nstem conv c8 {}=1 {}=2",
        "input 8x8x1\nstem conv c8 k={}",
        "input 8x8x1\nstem conv c8 x={}",
        "input 8x8x1\nstem conv c8 act={}",
        "input 8x8x1\nstem conv c8 padding={}",
        "input 8x8x1\nstem conv c8 norm={}",
        "input 8x8x1\nhead avg_pool padding={}",
        "input 8x8x1\nstage bottleneck c8 stride_on={}",
        "input 8x8x1\nprepare normalise mean={} std=1",
        "input 8x8x1\nprepare normalise mean=-1 std=1",
        "input 8x8x1\nstage mbconv c8 se=1e300",
        "input 8x8x1\nstage mbconv c8 e=1e300",
        "input 8x8x1\nstem conv c8 k=1e300",
        "input 8x8x1\nstem conv c1{zeros}",
    ],
)
def test_messages_repeat_no_more_than_a_line_of_what_is_wrong(text):
    with pytest.raises(InputError) as error:
        canonical(Architecture.parse(text.format(*["w" * 100_000] * 2, zeros="0" * 300)))
    assert len(str(error.value)) < 500
