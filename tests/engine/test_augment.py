import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from toolkit.engine.augment import DRAWS, Augment, augment, draw

GEOMETRIC = {"flip": True, "flip_vertical": True, "shift": 0.3, "rotate": 40.0, "scale": 0.2}
COLOUR = {"brightness": 1.0, "contrast": 1.0, "saturation": 1.0, "erase": 0.5}
MOTIONS = [
    {"flip": True},
    {"flip_vertical": True},
    {"shift": 0.3},
    {"flip": True, "flip_vertical": True, "shift": 0.3},
    {"rotate": 180.0},
    {"scale": 0.5},
    GEOMETRIC,
]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(count: int = 6, channels: int = 3, height: int = 20, width: int = 26) -> torch.Tensor:
    shape = (count, channels, height, width)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=seeded(9))


def numbers(count: int, **chosen: float) -> torch.Tensor:
    """Random numbers in the middle, where nothing changes, but for those that a test chooses."""
    drawn = torch.full((count, len(DRAWS)), 0.5)
    for name, value in chosen.items():
        drawn[:, DRAWS.index(name)] = value
    return drawn


def rectangles(count: int, height: int, width: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """White rectangles on black about the middle of the pictures, and their boxes."""
    pixels = torch.zeros(count, 1, height, width, dtype=torch.uint8)
    boxes = []
    for number in range(count):
        left, top = width // 2 - 7 + number % 4, height // 2 - 6 + number % 3
        right, bottom = left + 8 + number % 5, top + 6 + number % 4
        pixels[number, :, top:bottom, left:right] = 255
        boxes.append(torch.tensor([[left, top, right, bottom]], dtype=torch.float32))
    return pixels, boxes


def found_box(picture: torch.Tensor) -> torch.Tensor:
    rows, columns = (picture[0] > 127).nonzero(as_tuple=True)
    return torch.stack([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]).float()


def test_options_are_read_without_torch():
    code = "import sys, toolkit.engine.augment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_on_changes_nothing():
    pixels, boxes = noise(), [torch.tensor([[0.1, 0.2, 7.3, 9.4]])] * 6
    result = augment(Augment(), pixels, seeded(), masks=pixels[:, 0], boxes=boxes)
    assert torch.equal(result.pixels, pixels)
    assert torch.equal(result.masks, pixels[:, 0])
    assert all(torch.equal(new, old) for new, old in zip(result.boxes, boxes, strict=True))
    assert all(flags.all() for flags in result.keep)


@pytest.mark.parametrize("settings", [*MOTIONS, COLOUR, GEOMETRIC | COLOUR])
@pytest.mark.parametrize("channels", [1, 3])
def test_kinds_and_sizes_stay(settings, channels):
    pixels = noise(channels=channels)
    result = augment(
        Augment(**settings),
        pixels,
        seeded(),
        masks=pixels[:, 0] % 4,
        boxes=[torch.zeros(0, 4), *[torch.tensor([[8.0, 8, 16, 16]])] * 5],
    )
    assert (result.pixels.shape, result.pixels.dtype) == (pixels.shape, torch.uint8)
    assert (result.masks.shape, result.masks.dtype) == (pixels[:, 0].shape, torch.uint8)
    assert result.masks.max() <= 3
    assert [box.shape[1] for box in result.boxes] == [4] * 6
    assert [flags.dtype for flags in result.keep] == [torch.bool] * 6
    assert augment(Augment(**settings), pixels, seeded()).masks is None
    assert augment(Augment(**settings), pixels, seeded()).boxes is None


@pytest.mark.parametrize("settings", [*MOTIONS, COLOUR, GEOMETRIC | COLOUR])
def test_draws_follow_the_seed_and_the_place_of_a_picture(settings):
    pixels = noise(1).expand(40, -1, -1, -1)
    first = augment(Augment(**settings), pixels, seeded()).pixels
    assert torch.equal(first, augment(Augment(**settings), pixels, seeded()).pixels)
    assert not torch.equal(first, augment(Augment(**settings), pixels, seeded(1)).pixels)
    assert len(first.flatten(1).unique(dim=0)) > 1
    fewer = augment(Augment(**settings), pixels[:3], seeded()).pixels
    assert torch.equal(fewer, first[:3])


def test_pictures_of_one_batch_are_moved_apart():
    pixels = noise(1).expand(30, -1, -1, -1)
    moved = augment(Augment(**GEOMETRIC), pixels, seeded()).pixels
    assert len(moved.flatten(1).unique(dim=0)) == 30


def test_drawn_numbers_may_follow_the_rows_of_a_data_set():
    pixels, drawn = noise(8), draw(8, seeded())
    whole = augment(Augment(**GEOMETRIC), pixels, drawn).pixels
    rows = torch.tensor([5, 2, 7])
    assert torch.equal(augment(Augment(**GEOMETRIC), pixels[rows], drawn[rows]).pixels, whole[rows])


def test_one_setting_leaves_the_draws_of_others_alone():
    pixels = noise(30)
    plain = augment(Augment(flip=True), pixels, seeded()).pixels
    erased = augment(Augment(flip=True, erase=0.5), pixels, seeded()).pixels
    same = (plain == erased).flatten(1).all(1)
    assert 5 < int(same.sum()) < 25


@pytest.mark.parametrize(("name", "dimension"), [("flip", -1), ("flip_vertical", -2)])
def test_flips_mirror_half_of_the_pictures(name, dimension):
    pixels = noise(200)
    flipped = augment(Augment(**{name: True}), pixels, seeded())
    mirrored = (flipped.pixels == pixels.flip(dimension)).flatten(1).all(1)
    unchanged = (flipped.pixels == pixels).flatten(1).all(1)
    assert (mirrored ^ unchanged).all()
    assert 70 < int(mirrored.sum()) < 130
    again = augment(Augment(**{name: True}), flipped.pixels, seeded()).pixels
    assert torch.equal(again, pixels)


def test_a_shift_moves_whole_pixels_and_fills_with_black():
    pixels = noise(1, 3, 20, 30)
    settings = Augment(shift=0.1)  # 3 pixels across, 2 down
    right = augment(settings, pixels, numbers(1, shift_right=0.999, shift_down=0.0)).pixels
    expected = torch.zeros_like(pixels)
    expected[..., :18, 3:] = pixels[..., 2:, :27]
    assert torch.equal(right, expected)


def test_every_shift_in_reach_is_as_likely():
    picture = torch.zeros(1, 1, 11, 11, dtype=torch.uint8)
    picture[..., 5, 5] = 255
    moved = augment(Augment(shift=0.2), picture.expand(5000, -1, -1, -1), seeded()).pixels
    counts = (moved[:, 0] > 0).sum(0)
    assert int((counts > 0).sum()) == 25
    assert counts[3:8, 3:8].min() > 140


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_quarter_turn_is_exact(turns):
    pixels = noise(2, 3, 16, 16)
    settings = Augment(rotate=90 * turns if turns < 3 else 90)
    drawn = numbers(2, rotate=1.0 if turns < 3 else 0.0)
    turned = augment(settings, pixels, drawn).pixels
    assert torch.equal(turned, pixels.rot90(-turns, (2, 3)))


def test_turning_nothing_and_zooming_nothing_keep_the_picture():
    pixels = noise()
    assert torch.equal(augment(Augment(rotate=90, scale=0.5), pixels, numbers(6)).pixels, pixels)


def test_zooming_in_enlarges_about_the_middle():
    pixels, boxes = rectangles(1, 40, 40)
    result = augment(Augment(scale=0.5), pixels, numbers(1, scale=1.0), boxes=boxes)
    torch.testing.assert_close(result.boxes[0], (boxes[0] - 20) * 1.5 + 20)


@pytest.mark.parametrize("settings", MOTIONS)
def test_boxes_follow_the_pixels(settings):
    pixels, boxes = rectangles(40, 48, 64)
    small = {key: min(value, 0.2) if key in {"shift", "scale"} else value for key, value in settings.items()}
    result = augment(Augment(**small), pixels, seeded(), boxes=boxes)
    turned = "rotate" in settings
    for picture, box, keep in zip(result.pixels, result.boxes, result.keep, strict=True):
        assert keep.tolist() == [True]
        if turned or "scale" in settings:
            assert (found_box(picture) - box[0]).abs().max() <= (1.7 if turned else 1.0)
        else:
            assert torch.equal(found_box(picture), box[0])


@pytest.mark.parametrize("settings", MOTIONS)
def test_masks_follow_the_pixels(settings):
    pixels, _ = rectangles(40, 48, 64)
    result = augment(Augment(**settings), pixels, seeded(), masks=pixels[:, 0] // 255 * 7)
    assert set(result.masks.unique().tolist()) == {0, 7}
    differs = (result.masks == 7) != (result.pixels[:, 0] > 127)
    assert float(differs.float().mean()) < (0.004 if {"rotate", "scale"} & settings.keys() else 1e-9)


@pytest.mark.parametrize("settings", [{"shift": 0.3}, {"shift": 0.3, "rotate": 30.0}])
def test_what_a_mask_leaves_open_is_filled(settings):
    pixels = torch.full((20, 1, 24, 24), 200, dtype=torch.uint8)
    result = augment(Augment(**settings), pixels, seeded(), masks=pixels[:, 0] // 50, mask_fill=255)
    assert set(result.masks.unique().tolist()) == {4, 255}
    assert (result.pixels[:, 0][result.masks == 255] <= 200 * 0.6).all()


def test_boxes_are_cut_to_the_picture_and_dropped_when_most_of_them_left():
    pixels = torch.zeros(1, 1, 20, 20, dtype=torch.uint8)
    boxes = [torch.tensor([[2.0, 2, 10, 10], [14.0, 2, 20, 10], [11.0, 2, 19, 10], [5.0, 5, 5, 9]])]
    result = augment(Augment(shift=0.25), pixels, numbers(1, shift_right=0.999), boxes=boxes)
    assert result.keep[0].tolist() == [True, False, True, False]
    assert result.boxes[0].tolist() == [[7, 2, 15, 10], [16, 2, 20, 10]]


def test_brightness_contrast_and_saturation_have_their_known_outcomes():
    pixels = noise(2)
    darker = augment(Augment(brightness=0.5), pixels, numbers(2, brightness=0.0)).pixels
    assert torch.equal(darker, (pixels.float() * 0.5).round().byte())
    flat = augment(Augment(contrast=1), pixels, numbers(2, contrast=0.0)).pixels
    assert all(len(picture.unique()) == 1 for picture in flat)
    grey = augment(Augment(saturation=1), pixels, numbers(2, saturation=0.0)).pixels
    assert torch.equal(grey[:, 0], grey[:, 1])
    assert torch.equal(grey[:, 1], grey[:, 2])
    single = noise(2, 1)
    assert torch.equal(augment(Augment(saturation=1), single, seeded()).pixels, single)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
def test_values_never_wrap_around(value):
    pixels = torch.full((64, 3, 8, 8), value, dtype=torch.uint8)
    bright = augment(Augment(brightness=1, contrast=1, saturation=1), pixels, seeded()).pixels.float()
    factors = 2 * draw(64, seeded())[:, DRAWS.index("brightness")]
    expected = (factors * value).round().clamp(max=255).view(-1, 1, 1, 1)
    assert (bright - expected).abs().max() <= 1


def test_erasing_takes_one_rectangle_of_some_pictures():
    pixels = noise(400, 3, 32, 32)
    erased = augment(Augment(erase=0.5), pixels, seeded()).pixels
    mean = pixels.float().mean((2, 3), keepdim=True).round().byte()
    changed = (erased != pixels).any(1)
    assert 160 < int(changed.flatten(1).any(1).sum()) < 240
    shares = []
    for number in changed.flatten(1).any(1).nonzero().flatten():
        rows, columns = changed[number].nonzero(as_tuple=True)
        inside = erased[number, :, rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert (inside == mean[number]).all()
        shares.append(inside[0].numel() / 1024)
    assert 0.01 < min(shares) < 0.05
    assert 0.25 < max(shares) < 0.4


@pytest.mark.parametrize(
    "wrong",
    [{"shift": 0.6}, {"rotate": -1}, {"scale": 1}, {"brightness": 1.1}, {"erase": 2}, {"flips": True}],
)
def test_settings_out_of_bounds_are_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Augment(**wrong)
