"""Inputs that no program should trust: 300 files, folders and option sets, made from fixed seeds.

`python tests/hostile.py` runs all of them through the command, in this process, with 10 s and 2 GB
for each; tests/test_hostile.py runs a part.
"""

from __future__ import annotations

import io
import json
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np

COUNT = 300
SIDE = 32
#: Options that make a fusion quick, so that the reading of the input is what is tried.
QUICK = ("--device", "cpu", "--psf", "2", "--register", "off", "--crf-backend", "torch")


def make(number: int, folder: Path) -> list[str]:
    """Make an input in an empty folder; return the words of a command that reads it."""
    rng = np.random.default_rng(number)
    kind = KINDS[number % len(KINDS)]
    words = kind(folder, rng)
    if words[0] in ("batch", "fuse", "evaluate"):
        return words
    return ["fuse", *words, "-o", str(folder / "result.tif"), *QUICK]


def planes(rng, count=3, shape=(SIDE, SIDE), dtype="uint16"):
    """Planes of noise that is blurred more and more from one side to the other."""
    pixels = rng.random((count, *shape))
    scaled = pixels * 200 if np.dtype(dtype).kind in "iu" else pixels
    return scaled.astype(dtype)


def tiff(path, pixels, **options):
    """Write a TIFF, and return its name."""
    import tifffile

    options = {"photometric": "minisblack", **options}
    tifffile.imwrite(path, pixels, **options)
    return [str(path)]


def whole(rng, **options):
    """Return the bytes of a whole TIFF stack."""
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(file, planes(rng), photometric="minisblack", **options)
    return bytearray(file.getvalue())


def cut(folder, rng):
    """A stack that is cut short anywhere."""
    data = whole(rng, compression=rng.choice(["zlib", "none"]), ome=bool(rng.integers(2)))
    path = folder / "cut.tif"
    path.write_bytes(data[: int(rng.integers(0, len(data)))])
    return [str(path)]


def flipped(folder, rng):
    """A stack some of whose bytes are others, most of them in headers."""
    data = whole(rng, compression=rng.choice(["zlib", "none"]), imagej=bool(rng.integers(2)))
    ends = rng.integers(1, [400, len(data)], 2)
    for end in ends:
        data[int(rng.integers(0, end))] = int(rng.integers(256))
    path = folder / "flipped.tif"
    path.write_bytes(data)
    return [str(path)]


def page(width, height, bits=8, strips=b"\0" * 64, following=0, **others):
    """Return a TIFF of one page whose header says what it likes."""
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: height,
            279: len(strips), 339: 1, **{int(k[1:]): v for k, v in others.items()}}  # fmt: skip
    offset = 8 + len(strips) + len(strips) % 2
    data = b"II*\0" + struct.pack("<I", offset) + strips + b"\0" * (len(strips) % 2)
    data += struct.pack("<H", len(tags))
    for tag, value in sorted(tags.items()):
        data += struct.pack("<HHII", tag, 4, 1, value)
    return data + struct.pack("<I", offset if following else 0)


def claims(folder, rng):
    """A page whose header claims sizes, samples and types of its own."""
    sizes = (0, 1, 15, 16, 4096, 65535, 10**6, 2**31 - 1, 2**32 - 1)
    width, height = (int(rng.choice(sizes)) for _ in range(2))
    others = {
        f"t{int(rng.choice([258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 339]))}": int(
            rng.choice([0, 1, 2, 3, 5, 7, 8, 16, 32, 64, 32946, 2**16, 2**31])
        )
        for _ in range(int(rng.integers(0, 3)))
    }
    strips = zlib.compress(bytes(10**6)) if others.get("t259") == 8 else b"\0" * 64
    path = folder / "claims.tif"
    path.write_bytes(page(width, height, strips=strips, **others))
    return [str(path)]


def cycle(folder, rng):
    """Pages that point at themselves."""
    path = folder / "cycle.tif"
    path.write_bytes(page(SIDE, SIDE, strips=bytes(SIDE * SIDE), following=1))
    return [str(path)]


def described(folder, rng):
    """A stack whose description claims other sizes."""
    huge = int(rng.choice([0, 2, 4, 10**4, 10**9, 10**15]))
    texts = (
        f"ImageJ=1.53\nimages={huge}\nslices={huge}\nhyperstack=true\n",
        f"ImageJ=1.53\nimages=3\nslices={huge}\nchannels=-1\nspacing=nan\nunit=\0\n",
        json.dumps({"shape": [huge, SIDE, SIDE], "axes": "ZYX"}),
        json.dumps({"shape": [3, SIDE, huge], "axes": "Z"}),
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{SIDE}" SizeY="{SIDE}" '
        f'SizeZ="{huge}" SizeC="1" SizeT="{rng.choice(["1", "x", "-1", "1e9", ""])}" '
        f'PhysicalSizeZ="{rng.choice(["nan", "1e300", "0", "-2", "x"])}"><TiffData/></Pixels>'
        "</Image></OME>",
        "<OME><Image><Pixels SizeZ='3'/></Image></OME>",
        "<OME " + "<a>" * 5000,
        '{"software": "napari-focusstack", "record": ' + "[" * 3000,
    )
    path = folder / "described.tif"
    software = str(rng.choice(["napari-focusstack", "other"]))
    tiff(path, planes(rng), description=str(rng.choice(texts)), metadata=None, software=software)
    return [str(path)]


def bomb(folder, rng):
    """A small file that would fill the memory when it is decoded."""
    side = int(rng.choice([30_000, 60_000, 2**20]))
    path = folder / str(rng.choice(["bomb.png", "bomb.tif", "bomb.bmp"]))
    if path.suffix == ".png":
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        data = b"\x89PNG\r\n\x1a\n"
        for name, body in (
            (b"IHDR", header),
            (b"IDAT", zlib.compress(bytes(10**6))),
            (b"IEND", b""),
        ):
            data += struct.pack(">I", len(body)) + name + body
            data += struct.pack(">I", zlib.crc32(name + body))
    elif path.suffix == ".tif":
        data = page(side, side, strips=zlib.compress(bytes(10**7)), t259=8)
    else:
        data = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
        data += struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    path.write_bytes(data)
    return [str(path), str(path)] if rng.integers(2) else [str(path)]


def renamed(folder, rng):
    """Another kind of file under the name of an image."""
    contents = (b"", b"hello\n", b"%PDF-1.7", b"II*\0", b"MM\0+" + bytes(60), b"\x89PNG\r\n\x1a\n",
                b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\0\0\0\0WEBP", b"PK\3\4", rng.bytes(500),
                b"BM", b"ZISRAWFILE" + bytes(600), b"\xda\xce\xbe\x0a" + bytes(600),
                b"\x70\0\0\0" + bytes(600), b"\0\0\0 ftypheic" + bytes(40))  # fmt: skip
    suffix = str(rng.choice([".tif", ".png", ".jpg", ".bmp", ".webp", ".czi", ".nd2", ".lif"]))
    path = folder / f"renamed{suffix}"
    path.write_bytes(contents[int(rng.integers(len(contents)))])
    return [str(path), str(path)] if rng.integers(2) else [str(path)]


def odd_shape(folder, rng):
    """A stack of few planes or pixels, or of more axes than any."""
    shapes = ((1, SIDE, SIDE), (3, 1, SIDE), (3, SIDE, 1), (3, 1, 1), (2, 15, 16), (3, 16, 1000),
              (2, 2, 2, 2, SIDE, SIDE), (SIDE, SIDE), (3, SIDE, SIDE, 2), (3, SIDE, SIDE, 7),
              (300, 16, 16), (3, 2, 16, 17))  # fmt: skip
    shape = shapes[int(rng.integers(len(shapes)))]
    return tiff(folder / "odd.tif", (rng.random(shape) * 255).astype(np.uint8))


def odd_axes(folder, rng):
    """A stack with axes of odd names and orders."""
    axes = str(rng.choice(["XYZ", "ZXY", "CYX", "TYX", "QYX", "RYX", "YXZ", "HYX", "SYX"]))
    return tiff(folder / "axes.tif", planes(rng), metadata={"axes": axes})


def odd_type(folder, rng):
    """A stack of a type that images seldom have."""
    types = ("int8", "int16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64",
             "complex64", "bool", ">u2", ">f4")  # fmt: skip
    return tiff(folder / "type.tif", planes(rng, dtype=str(rng.choice(types))))


def odd_values(folder, rng):
    """A stack of floats, some of them not finite or at the limits of the type."""
    pixels = planes(rng, dtype=str(rng.choice(["float32", "float64"])))
    limits = np.finfo(pixels.dtype)
    value = rng.choice([np.nan, np.inf, -np.inf, limits.max, limits.min, limits.tiny, 1e19, -0.0])
    how = int(rng.integers(4))
    if how == 0:
        pixels[1, 3, 4] = value
    elif how == 1:
        pixels[int(rng.integers(3))] = value
    elif how == 2:
        pixels[:] = value
    else:
        with np.errstate(all="ignore"):
            pixels *= pixels.dtype.type(value)
    return tiff(folder / "values.tif", pixels)


def flat(folder, rng):
    """Planes that are constant, equal, or constant but for a pixel."""
    pixels = np.full((4, SIDE, SIDE), rng.integers(0, 255), np.uint8)
    for number in range(int(rng.integers(0, 5))):
        pixels[number % 4, rng.integers(SIDE), rng.integers(SIDE)] ^= 1
    if rng.integers(2):
        pixels[:, SIDE // 2] = rng.integers(0, 255, SIDE)
    near = str(rng.choice(["auto", "first", "last"]))
    path = folder / "flat.tif"
    tiff(path, pixels)
    return ["fuse", str(path), "-o", str(folder / "r.tif"), "--near", near, "--psf", "reblur",
            "--device", "cpu"]  # fmt: skip


def mixed(folder, rng):
    """A folder whose images differ in size, type or format, or are no images."""
    target = folder / "planes"
    target.mkdir()
    for number in range(4):
        shape = (SIDE, SIDE + int(rng.choice([0, 0, 1])))
        if rng.integers(4) == 0:
            shape = (*shape, int(rng.choice([2, 3, 4])))
        dtype = str(rng.choice(["uint8", "uint8", "uint16", "float32"]))
        pixels = planes(rng, 1, shape, dtype)[0]
        path = target / f"z{number}.tif"
        tiff(path, pixels, photometric="rgb" if pixels.shape[2:] in ((3,), (4,)) else "minisblack")
    if rng.integers(2):
        (target / "z9.tif").write_bytes(rng.bytes(int(rng.integers(0, 200))))
    return [str(target)]


def odd_entry(folder, rng):
    """A folder that holds links, pipes, folders and locked files under names of images."""
    target = folder / "planes"
    target.mkdir()
    for number in range(2):
        tiff(target / f"z{number}.tif", planes(rng)[0])
    odd = target / "z2.tif"
    how = int(rng.integers(6))
    if how == 0:
        odd.symlink_to(odd)
    elif how == 1:
        os.mkfifo(odd)
    elif how == 2:
        odd.mkdir()
    elif how == 3:
        odd.symlink_to(target / "gone.tif")
    elif how == 4:
        odd.touch(mode=0)
    else:
        odd.symlink_to("/dev/zero")
    return [str(odd)] if rng.integers(2) else [str(target)]


def odd_name(folder, rng):
    """A good stack under an odd name."""
    names = ("new\nline.tif", "-o.tif", "sp ace.tif", "\u202etif.tif", "quote'\".tif", "%s{0}.tif",
             "\udcff.tif", ".hidden.tif", "x" * 250 + ".tif", "x" * 300 + ".tif", "[a]*.tif",
             "no suffix", "emoji \U0001f41c.tif", "tab\t.tif", "..tif")  # fmt: skip
    path = folder / names[int(rng.integers(len(names)))]
    try:
        tiff(path, planes(rng))
    except OSError:  # a name that no file system takes
        return [str(path)]
    return [str(path)]


def odd_document(folder, rng):
    """A good stack with labels, a registration or weights that are none."""
    tiff(folder / "good.tif", planes(rng))
    far, shear = [[1, 0, 1e300], [0, 1, 0], [0, 0, 1]], [[1, 1e6, 0], [0, 1, 0], [0, 0, 1]]
    saved = {"size": [SIDE, SIDE], "model": "similarity"}
    texts = (
        *("", "null", "[]", "{}", "NaN", "[" * 10**5, '{"size": [32, 32]}', "\0" * 100),
        json.dumps({**saved, "matrices": [far] * 3}),
        json.dumps({**saved, "matrices": [shear] * 3, "size": [10**12, 10**12]}),
        json.dumps({**saved, "matrices": "x" * 100}),
    )
    option = str(rng.choice(["--labels", "--registration", "--seb-weights", "--deb-weights"]))
    path = folder / "document"
    path.write_text(texts[int(rng.integers(len(texts)))])
    return [str(folder / "good.tif"), option, str(path)]


def odd_option(folder, rng):
    """A good stack with options out of range."""
    tiff(folder / "good.tif", planes(rng))
    options = (("--z-step", "inf"), ("--z-step", "nan"), ("--z-step=-1",), ("--z-step", "1e308"),
               ("--tile-px", "-5"), ("--tile-px", "1e9"), ("--memory", "1"), ("--memory", "-1"),
               ("--memory", "1e99GB"), ("--channel", "0"), ("--channel", "99"), ("--device", "tpu"),
               ("--device", "cuda:999"), ("--psf", "-1"), ("--psf", "nan"), ("--psf", "1e300"),
               ("--psf", "inf"), ("--labels", "."), ("--save-depth", "/dev/full"),
               ("--report", "/proc/x.json"), ("--fsb-weights", "/dev/zero"))  # fmt: skip
    return [str(folder / "good.tif"), *options[int(rng.integers(len(options)))]]


def batch_of_some(folder, rng):
    """A batch of good and bad stacks."""
    sources = [cut(folder, rng)[0], odd_type(folder, rng)[0]]
    return ["batch", *sources, "-o", str(folder / "out"), *QUICK]


KINDS = (cut, flipped, claims, described, claims, bomb, renamed, odd_shape, odd_axes, odd_type,
         odd_values, flat, mixed, odd_entry, odd_name, odd_document, odd_option, flipped, cycle,
         batch_of_some)  # fmt: skip


def outcome(number: int, folder: Path) -> str:
    """Run an input in this process; return "result" or "refused", or what went wrong."""
    import contextlib
    import resource
    import signal

    from napari_focusstack.commands.main import main

    def too_slow(*_):
        raise TimeoutError("no answer in 10 s")

    words = make(number, folder)
    said = io.StringIO()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    signal.signal(signal.SIGALRM, too_slow)
    # Of the processor, so that other programs do not count.
    signal.signal(signal.SIGVTALRM, too_slow)
    signal.setitimer(signal.ITIMER_VIRTUAL, 10)
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main(words)
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    if grown > 2:
        return f"took {grown:.1f} GB"
    lines = said.getvalue().splitlines()
    wrong = [line for line in lines if "Traceback" in line]
    if code == 0 and not wrong:
        return "result"
    if code == 2 and lines and not wrong and lines[-1].startswith("napari-focusstack: error: "):
        one = len(lines) == 1 or words[0] == "batch"
        return "refused" if one else f"{len(lines)} lines: {said.getvalue()[:300]}"
    return f"code {code}: {said.getvalue()[-300:]}"


def run(numbers) -> dict[int, str]:
    """Run inputs in this process; return what went wrong, by number."""
    import tempfile

    wrong = {}
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder:
            answer = outcome(number, Path(folder))
        if answer not in ("result", "refused"):
            wrong[number] = answer
            print(number, KINDS[number % len(KINDS)].__name__, answer, file=sys.stderr, flush=True)
    return wrong


if __name__ == "__main__":
    first, last = (int(word) for word in (sys.argv[1:] or ("0", str(COUNT))))
    wrong = run(range(first, last))
    print(f"{last - first - len(wrong)} of {last - first} end in a result or one line")
    sys.exit(bool(wrong))
