"""Small files of each format, written by a library or, where none writes them, byte by byte."""

import struct
from types import SimpleNamespace

import numpy as np
import pytest

NOISE = np.random.default_rng(0)
#: Step in um of the files below.
STEPS_UM = {"Z": 2.0, "Y": 0.5, "X": 0.25}


def noise(*shape, dtype="uint16"):
    top = 250 if dtype == "uint8" else 60_000
    return (NOISE.random(shape) * top).astype(dtype)


def write_zarr(path, data, axes, *, version="0.4", levels=2, name="image"):
    """Write an OME-Zarr image as its specification has it, with halved levels after the first."""
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(path, mode="w", zarr_format=3 if version == "0.5" else 2)
    kinds, units = {"T": "time", "C": "channel"}, {"T": "second", "C": None}
    datasets = []
    for level in range(levels):
        step = 2**level
        array = data[(..., *(slice(None, None, step),) * 2)]
        group.create_array(
            str(level),
            data=array,
            chunks=(1,) * (data.ndim - 2) + (16, 16),
            chunk_key_encoding={"name": "v2" if version == "0.4" else "default", "separator": "/"},
        )
        scale = [
            STEPS_UM.get(axis, 3.0 if axis == "T" else 1.0) * (step if axis in "YX" else 1)
            for axis in axes
        ]
        transformations = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transformations})
    described = []
    for axis in axes:
        one = {"name": axis.lower(), "type": kinds.get(axis, "space")}
        if unit := units.get(axis, "micrometer"):
            one["unit"] = unit
        described.append(one)
    image = {"name": name, "axes": described, "datasets": datasets}
    omero = {
        "channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00FF00"}]
    }
    metadata = {"multiscales": [image], **({"omero": omero} if "C" in axes else {})}
    if version == "0.5":
        group.attrs["ome"] = {"version": version, **metadata}
    else:
        image["version"] = version
        group.attrs.update(metadata)
    return group


def write_czi(path, data, *, channels=("DAPI", "GFP"), scene=0, document=None):
    """Write data (T, C, Z, Y, X), or with colours as last axis, as a scene of a CZI."""
    czi = pytest.importorskip("pylibCZIrw.czi")
    if document is None:
        with czi.create_czi(str(path)) as document:
            write_czi(path, data, channels=channels, scene=scene, document=document)
            document.write_metadata(
                channel_names=dict(enumerate(channels)),
                scale_x=STEPS_UM["X"] * 1e-6,
                scale_y=STEPS_UM["Y"] * 1e-6,
                scale_z=STEPS_UM["Z"] * 1e-6,
            )
        return
    rgb = data.ndim == 6
    for t, c, z in np.ndindex(*data.shape[:3]):
        plane = data[t, c, z][..., ::-1] if rgb else data[t, c, z][..., None]
        document.write(
            np.ascontiguousarray(plane),
            plane={"T": t, "C": c, "Z": z},
            scene=scene,
            location=(scene * 1000, 0),
        )


def write_lif(path, images):
    """Write images of Leica's format: by name, the axes as stored (slowest first) and the data."""
    elements, blocks = [], []
    for number, (name, axes, data) in enumerate(images):
        steps = np.array(data.strides)
        units = {"T": ("s", 3.0), "M": ("", 0.0)}
        numbers = {"X": 1, "Y": 2, "Z": 3, "T": 4, "M": 10}
        dimensions = "".join(
            f'<DimensionDescription DimID="{numbers[axis]}" '
            f'NumberOfElements="{size}" Origin="0" '
            f'Length="{(size - 1) * units.get(axis, ("m", STEPS_UM.get(axis, 0) * 1e-6))[1]}" '
            f'Unit="{units.get(axis, ("m", 0))[0]}" BytesInc="{step}" BitInc="0"/>'
            for axis, size, step in reversed([*zip(axes, data.shape, steps, strict=True)])
            if axis not in "CS"
        )
        inner = axes.index("C") if "C" in axes else axes.find("S")
        count, increment = (data.shape[inner], steps[inner]) if inner >= 0 else (1, 0)
        tags = (1, 2, 3) if "S" in axes else (0,) * count
        channels = "".join(
            f'<ChannelDescription DataType="0" ChannelTag="{tags[channel]}" '
            f'Resolution="{data.itemsize * 8}" NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" '
            f'LUTName="{("Blue", "Green", "Red")[channel]}" IsLUTInverted="0" '
            f'BytesInc="{channel * increment}" BitInc="0"/>'
            for channel in range(count)
        )
        elements.append(
            f'<Element Name="{name}" UniqueID="{number}"><Data><Image><ImageDescription>'
            f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
            "</ImageDescription></Image></Data>"
            f'<Memory Size="{data.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
        )
        blocks.append((f"MemBlock_{number}", data.tobytes()))
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="root" UniqueID="r">'
        f"<Data/><Children>{''.join(elements)}</Children></Element></LMSDataContainerHeader>"
    )
    with path.open("wb") as file:
        file.write(struct.pack("<IIBI", 0x70, 2 * len(xml) + 5, 0x2A, len(xml)))
        file.write(xml.encode("utf-16-le"))
        for name, stored in blocks:
            size = 1 + 8 + 1 + 4 + 2 * len(name)
            file.write(struct.pack("<IIBQBI", 0x70, size, 0x2A, len(stored), 0x2A, len(name)))
            file.write(name.encode("utf-16-le") + stored)


def lite_variant(name, value):
    """Return a value as Nikon stores metadata: type, name, value; levels hold further ones."""
    encoded = (name + "\0").encode("utf-16-le")
    head = lambda kind: struct.pack("BB", kind, len(name) + 1) + encoded  # noqa: E731
    if isinstance(value, bool):
        return head(1) + struct.pack("B", value)
    if isinstance(value, int):
        return head(3) + struct.pack("<I", value)
    if isinstance(value, float):
        return head(6) + struct.pack("<d", value)
    if isinstance(value, str):
        return head(8) + (value + "\0").encode("utf-16-le")
    items = [lite_variant(key, item) for key, item in value.items()]
    body = b"".join(items)
    start = head(11)
    length = len(start) + 12 + len(body)
    return start + struct.pack("<IQ", len(items), length) + body + bytes(8 * len(items))


def write_nd2(path, data, axes, *, channels=("DAPI", "GFP")):
    """Write data as Nikon's format: axes of loops (any of T, P, Z), then C, Y, X, and S if RGB."""
    sizes = dict(zip(axes, data.shape, strict=True))
    loops = axes[: axes.index("C")]
    rgb = axes.endswith("S")
    frames = data.reshape(-1, *data.shape[len(loops) :])
    frames = frames if rgb else frames[..., None]
    frames = np.ascontiguousarray(frames.transpose(0, 2, 3, 1, 4))  # pixels are interleaved
    components = sizes["C"] * (3 if rgb else 1)
    experiment = {}
    for loop in reversed(loops):
        points = {f"i{n:010}": {"dPosX": 1000.0 * n, "dPosName": f"well {n}"} for n in range(9)}
        parameters = {
            "T": {"uiCount": sizes.get("T", 1), "dStart": 0.0, "dPeriod": 3000.0, "dDuration": 0.0},
            "P": {"Points": dict(list(points.items())[: sizes.get("P", 1)])},
            "Z": {"uiCount": sizes.get("Z", 1), "dZLow": 0.0, "dZHigh": 8.0, "dZStep": 2.0},
        }[loop]
        following = {"ppNextLevelEx": {"i0000000000": experiment}} if experiment else {}
        kind = {"T": 1, "P": 2, "Z": 4}[loop]
        experiment = {"eType": kind, "uLoopPars": parameters, **following}
    planes = {
        f"a{n}": {
            "uiCompCount": 3 if rgb else 1,
            "sDescription": name,
            "uiColor": (0xFF0000, 0x00FF00)[n],  # blue, green, red
            "pFluorescentProbe": {"m_sName": name},
        }
        for n, name in enumerate(channels[: sizes["C"]])
    }
    bits = data.itemsize * 8
    attributes = {
        "uiWidth": sizes["X"],
        "uiWidthBytes": sizes["X"] * components * data.itemsize,
        "uiHeight": sizes["Y"],
        "uiComp": components,
        "uiBpcInMemory": bits,
        "uiBpcSignificant": bits,
        "uiSequenceCount": len(frames),
        "eCompression": 2,
    }
    metadata = {
        "bCalibrated": True,
        "dCalibration": 0.25,
        "sPicturePlanes": {"uiCount": sizes["C"], "sPlaneNew": planes},
    }
    chunks = {
        "ImageAttributesLV!": lite_variant("SLxImageAttributes", attributes),
        "ImageMetadataSeqLV|0!": lite_variant("SLxPictureMetadata", metadata),
        **({"ImageMetadataLV!": lite_variant("SLxExperiment", experiment)} if experiment else {}),
    }
    chunks |= {f"ImageDataSeq|{n}!": bytes(8) + one.tobytes() for n, one in enumerate(frames)}
    magic, places = 0x0ABECEDA, b""
    with path.open("wb") as file:
        version = b"Ver3.0".ljust(64, b"\0")
        file.write(struct.pack("<IIQ", magic, 32, 64))
        file.write(b"ND2 FILE SIGNATURE CHUNK NAME01!" + version)
        for name, stored in chunks.items():
            places += name.encode() + struct.pack("<QQ", file.tell(), len(stored))
            # Nikon pads names so that pixels begin 4096 bytes after the chunk.
            padded = name.encode().ljust(4072, b"\0")
            file.write(struct.pack("<IIQ", magic, len(padded), len(stored)) + padded + stored)
        at = file.tell()
        places += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", at)
        name = b"ND2 FILEMAP SIGNATURE NAME 0001!"
        file.write(struct.pack("<IIQ", magic, len(name), len(places)) + name + places)
        file.write(b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", at))


def write_dng(path, image, orientation=1):
    """Write linear RGB of 16 bits as the mosaic of an uncompressed DNG, with neutral colours."""
    import tifffile

    mosaic = image[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = image[::2, ::2, 0], image[1::2, 1::2, 2]
    # Of linear sRGB primaries to XYZ, inverted: colours of the sensor are those of sRGB.
    matrix = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.2040, 1.0570)
    rationals = sum(((round(value * 10_000), 10_000) for value in matrix), ())
    tags = [
        (50706, 1, 4, (1, 4, 0, 0), True),  # DNGVersion
        (50708, 2, 0, "CAMERA 1", True),  # UniqueCameraModel
        (33421, 3, 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, 1, 4, (0, 1, 1, 2), True),  # CFAPattern: red, green, green, blue
        (50714, 3, 1, 0, True),  # BlackLevel
        (50717, 4, 1, 65_535, True),  # WhiteLevel
        (50721, 10, 9, rationals, True),  # ColorMatrix1
        (50728, 5, 3, (1, 1) * 3, True),  # AsShotNeutral
        (50778, 3, 1, 21, True),  # CalibrationIlluminant1: D65
        (271, 2, 0, "MAKER", True),
        (272, 2, 0, "CAMERA 1", True),
        (274, 3, 1, orientation, True),
        (306, 2, 0, "2026:07:18 19:22:04", True),
    ]
    tifffile.imwrite(path, mosaic, photometric=32803, extratags=tags, metadata=None, subfiletype=0)


def write_heic(path, image, **options):
    """Write a grey or RGB picture of 8 bits without loss."""
    pillow_heif = pytest.importorskip("pillow_heif")
    mode = "RGB" if image.ndim == 3 else "L"
    heif = pillow_heif.from_bytes(mode, image.shape[1::-1], image.tobytes())
    heif.save(path, quality=-1, chroma=444, matrix_coefficients=0, **options)


@pytest.fixture
def write():
    """The writers of small files: write.zarr(path, data, axes), and so on."""
    return SimpleNamespace(
        zarr=write_zarr,
        czi=write_czi,
        lif=write_lif,
        nd2=write_nd2,
        dng=write_dng,
        heic=write_heic,
        noise=noise,
    )
