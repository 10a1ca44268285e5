"""Pictures that people have, and what lies among them; each writes one file."""

import os
import struct
import zlib

import numpy as np
from PIL import Image

SIZE = (40, 40)
RED = (200, 10, 10)


def flat(colour=RED, mode="RGB", size=SIZE):
    return Image.new(mode, size, colour)


def halves(left, right, mode="RGB"):
    """A picture of two colours side by side."""
    image = Image.new(mode, SIZE, left)
    image.paste(right, (SIZE[0] // 2, 0, *SIZE))
    return image


def saver(image, form, **options):
    return lambda path: image.save(path, form, **options)


def turned(orientation):
    """As a camera stores it that was held so; upright, red is on the left and blue on the right."""
    methods = {
        1: (),
        2: (Image.Transpose.FLIP_LEFT_RIGHT,),
        3: (Image.Transpose.ROTATE_180,),
        4: (Image.Transpose.FLIP_TOP_BOTTOM,),
        5: (Image.Transpose.TRANSPOSE,),
        6: (Image.Transpose.ROTATE_90,),
        7: (Image.Transpose.TRANSVERSE,),
        8: (Image.Transpose.ROTATE_270,),
    }
    image = halves((250, 0, 0), (0, 0, 250))
    for method in methods[orientation]:
        image = image.transpose(method)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saver(image, "PNG", exif=exif)


def animated(form):
    frames = [flat(RED), flat((0, 200, 0)), flat((0, 0, 200))]
    return saver(frames[0], form, save_all=True, append_images=frames[1:], duration=50)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, rows):
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def deep_colour(path):
    """16 bits for each of three colours."""
    row = b"\0" + np.array([0xC8AA, 0x0AAA, 0x0AAA] * 40, dtype=">u2").tobytes()
    path.write_bytes(png(40, 40, 16, 2, row * 40))


def bomb(path):
    """A few bytes that say they are 3.6 thousand million pixels."""
    path.write_bytes(png(60_000, 60_000, 8, 2, b""))


def large(path):
    """Between what Pillow warns of and what it refuses."""
    path.write_bytes(png(10_000, 10_000, 8, 0, b""))


def broken_crc(path):
    data = bytearray(png(40, 40, 8, 0, (b"\0" + bytes(40)) * 40))
    data[20] ^= 0xFF
    path.write_bytes(bytes(data))


def scrambled(path):
    """A PNG whose pixels are no compressed data."""
    header = struct.pack(">IIBBBBB", 40, 40, 8, 0, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    path.write_bytes(start + chunk(b"IDAT", b"not compressed at all") + chunk(b"IEND", b""))


def cut(form):
    def write(path):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(noise).save(path, form)
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])

    return write


def text(content):
    return lambda path: path.write_bytes(content)


def link(target):
    return lambda path: path.symlink_to(target)


def pipe(path):
    os.mkfifo(path)


def transparent_red(path):
    """Red whose colours can be seen through altogether: what is left is white."""
    flat((200, 10, 10, 0), "RGBA").save(path, "PNG")


def palette(path):
    flat().quantize(4).save(path, "PNG")


def clear_palette(path):
    image = Image.new("P", SIZE, 1)
    image.putpalette([0, 0, 0, 200, 10, 10])
    image.save(path, "PNG", transparency=1)


def key_colour(path):
    """An RGB picture of which one colour is said to be clear."""
    flat().save(path, "PNG", transparency=RED)


def deep_grey(form):
    return saver(Image.fromarray(np.full((40, 40), 0x80FF, dtype=np.uint16)), form)
