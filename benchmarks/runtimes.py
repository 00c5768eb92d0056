"""The networks in torch, ONNX Runtime and OpenVINO: time, memory, accuracy and size.

    python benchmarks/runtimes.py --packages DIR

``--packages`` is a folder with onnx, onnxscript, onnxruntime and openvino (``pip install --target
DIR``). Each run is a process of its own: it loads one network, runs it on a block of an image, and
says how long a run takes, how much memory the process has taken, and how far the answer lies from
torch's in float32. bfloat16 is measured only where the processor multiplies it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

#: Shape of what each network reads of a block: a pair; two planes beside an edge; 12 planes.
INPUTS = {"fsb": (1, 6, 512, 512), "meb": (1, 15, 512, 512), "deb": (1, 12, 42, 96, 96)}
RUNTIMES = ("torch", "torch bfloat16", "ONNX Runtime", "OpenVINO")
RUNS = 5


def random_input(name: str) -> np.ndarray:
    """Return the same input for all, 0..1."""
    return np.random.default_rng(0).random(INPUTS[name], np.float32)


def torch_run(name: str, bfloat16: bool):
    """Return what runs a network in torch."""
    import torch

    from napari_focusstack.networks.weights import load

    network = load(name, torch.device("cpu"))[0].eval()
    dtype = torch.bfloat16 if bfloat16 else torch.float32
    image = torch.from_numpy(random_input(name)).to(dtype)
    if image.ndim == 4:
        image = image.contiguous(memory_format=torch.channels_last)
    network = network.to(dtype)

    def run() -> np.ndarray:
        with torch.no_grad():
            return network(image).float().numpy()

    return run


def exported(name: str, path: Path) -> None:
    """Write a network as ONNX."""
    import torch

    from napari_focusstack.networks.weights import load

    network = load(name, torch.device("cpu"))[0].eval()
    # with gradients nothing is computed by OpenCV
    image = torch.from_numpy(random_input(name)).requires_grad_()
    torch.onnx.export(network, (image,), str(path), dynamo=True, verbose=False)


def onnx_run(name: str, path: Path, threads: int):
    """Return what runs a network in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: random_input(name)}
    return lambda: session.run(None, given)[0]


def openvino_run(name: str, path: Path, threads: int):
    """Return what runs a network in OpenVINO."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(path), "CPU", settings)
    image = random_input(name)
    return lambda: compiled(image)[0]


def child(runtime: str, name: str, path: Path, threads: int) -> dict[str, float]:
    """Measure one runtime in this process."""
    began = time.perf_counter()
    if runtime.startswith("torch"):
        run = torch_run(name, "bfloat16" in runtime)
    else:
        run = (onnx_run if runtime == "ONNX Runtime" else openvino_run)(name, path, threads)
    answer = run()
    start = time.perf_counter() - began
    times = []
    for _ in range(RUNS):
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    truth = path.with_suffix(".npy")
    if runtime == "torch":
        np.save(truth, answer)
    return {
        "start": start,
        "run": min(times),
        "GB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "off": float(np.abs(np.load(truth) - answer).max()),
    }


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16."""
    import torch

    from napari_focusstack.networks.device import has_bfloat16

    return has_bfloat16(torch.device("cpu"))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.append(str(options.packages))
    if options.child:
        runtime, name, path = options.child
        if runtime == "export":
            exported(name, Path(path))
        else:
            print(json.dumps(child(runtime, name, Path(path), options.threads)))
        return
    threads = str(options.threads)
    environment = os.environ | {"OMP_NUM_THREADS": threads}
    print(f"{threads} threads, least of {RUNS} runs\n")
    print("| network | runtime | first run | run | memory | off |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in INPUTS:
            path = str(Path(folder, f"{name}.onnx"))
            arguments = [sys.executable, __file__, "--packages", options.packages]
            arguments += ["--threads", threads, "--child"]
            quiet = {"check": True, "env": environment, "stdout": subprocess.PIPE}
            subprocess.run([*arguments, "export", name, path], stderr=subprocess.DEVNULL, **quiet)
            for runtime in RUNTIMES:
                if "bfloat16" in runtime and not has_bfloat16():
                    continue
                done = subprocess.run([*arguments, runtime, name, path], **quiet)
                found = json.loads(done.stdout.splitlines()[-1])
                print(
                    f"| {name.upper()} | {runtime} | {found['start']:.2f} s | "
                    f"{1000 * found['run']:.0f} ms | {found['GB']:.2f} GB | {found['off']:.1e} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
