"""The picture in the documentation's pictures: a lighthouse at dusk. Drawn here, so
that nobody else's picture is needed, and no model."""

from __future__ import annotations

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SKY = ((38, 45, 92), (122, 84, 130), (233, 138, 106), (255, 206, 138))
SEA = ((196, 122, 110), (70, 82, 124), (24, 34, 66))
LAND, TOWER, BAND, LAMP = (22, 26, 46), (236, 226, 214), (176, 58, 60), (255, 240, 190)
Colour = tuple[int, int, int]


def lighthouse(width: int = 768, height: int = 512) -> Image.Image:
    horizon = round(height * 0.62)
    image = Image.new("RGB", (width, height))
    image.paste(faded(SKY, width, horizon), (0, 0))
    image.paste(faded(SEA, width, height - horizon), (0, horizon))
    glow(image, (width * 0.3, horizon * 0.93), width * 0.055)
    ripples(image, horizon)
    draw = ImageDraw.Draw(image)
    x, foot = width * 0.74, height * 0.66
    coast = [(0.5, 0.72), (0.6, 0.66), (0.7, 0.64), (0.82, 0.645), (1, 0.6), (1, 1)]
    points = [(width * a, height * b) for a, b in [*coast, (0.44, 1)]]
    beam(image, (x, foot - height * 0.41))
    draw.polygon(points, fill=LAND)
    tower(draw, x, foot, height * 0.36)
    return image


def faded(colours: tuple[Colour, ...], width: int, height: int) -> Image.Image:
    column = Image.new("RGB", (1, len(colours)))
    column.putdata(colours)
    return column.resize((width, height), Image.Resampling.BICUBIC)


def glow(image: Image.Image, at: tuple[float, float], radius: float) -> None:
    x, y = at
    light = Image.new("RGB", image.size)
    draw = ImageDraw.Draw(light)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 220, 150))
    wide = light.filter(ImageFilter.GaussianBlur(radius))
    edge = light.filter(ImageFilter.GaussianBlur(1.5))
    image.paste(ImageChops.screen(ImageChops.screen(image, wide), edge))


def ripples(image: Image.Image, horizon: int) -> None:
    """The sun's path on the water: wider and rarer towards us."""
    width, height = image.size
    light = Image.new("RGB", image.size)
    draw = ImageDraw.Draw(light)
    y, gap = float(horizon + 2), 3.0
    while y < height:
        share = (y - horizon) / (height - horizon)
        half = width * (0.03 + 0.07 * share) * (0.6 + 0.4 * ((y * 7) % 11) / 11)
        x = width * 0.3 + ((y * 13) % 17 - 8) * (0.3 + share)
        bright = round(170 * (1 - share) + 30)
        colour = (bright, round(bright * 0.75), round(bright * 0.5))
        draw.ellipse((x - half, y, x + half, y + 1 + 3 * share), fill=colour)
        y, gap = y + gap, gap * 1.08
    image.paste(ImageChops.screen(image, light.filter(ImageFilter.GaussianBlur(1))))


def beam(image: Image.Image, lamp: tuple[float, float]) -> None:
    width, height = image.size
    x, y = lamp
    light = Image.new("RGB", image.size)
    ends = [(-10, y - height * 0.16), (-10, y + height * 0.02)]
    ImageDraw.Draw(light).polygon([(x, y), *ends], fill=(92, 82, 56))
    soft = light.filter(ImageFilter.GaussianBlur(width / 110))
    image.paste(ImageChops.screen(image, soft))


def tower(draw: ImageDraw.ImageDraw, x: float, foot: float, height: float) -> None:
    wide, narrow, top = height * 0.13, height * 0.085, foot - height

    def level(share: float) -> tuple[float, float]:
        """Half of the width, and where, so far up."""
        return wide + (narrow - wide) * share, foot - height * share

    for number in range(5):
        (low, below), (up, above) = level(number / 5), level((number + 1) / 5)
        corners = [(x - low, below), (x + low, below), (x + up, above), (x - up, above)]
        draw.polygon(corners, fill=TOWER if number % 2 == 0 else BAND)
    room = height * 0.16
    draw.rectangle((x - narrow * 1.5, top - 4, x + narrow * 1.5, top + 3), fill=LAND)
    draw.rectangle((x - narrow * 0.8, top - room, x + narrow * 0.8, top - 4), fill=LAMP)
    roof = [(x - narrow * 1.1, top - room), (x + narrow * 1.1, top - room)]
    draw.polygon([*roof, (x, top - room * 1.7)], fill=BAND)
