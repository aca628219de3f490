"""What torch.profiler writes since Kineto, whatever the device."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import ON_CPU, ON_DEVICE, Dialect

# By c10's DeviceType, as everywhere; the others are in the dialects of those who write their traces.
DEVICES = {
    0: "CPU", 2: "MKLDNN", 3: "OpenGL", 4: "OpenCL", 5: "IDEEP", 7: "FPGA", 8: "MAIA", 9: "XLA", 10: "Vulkan",
    11: "Metal", 13: "MPS", 14: "Meta", 15: "HPU", 16: "VE", 17: "Lazy", 18: "IPU",
}  # fmt: skip

DIALECT = Dialect(
    categories={name: name for name in (*ON_CPU, *ON_DEVICE)},
    details={
        "correlation": "correlation",  # of a device's event and the call that queued it
        "External id": "external_id",
        "Sequence number": "sequence",
        "Fwd thread id": "forward_thread",
        "Input Dims": "shapes",
        "device": "device",
        "stream": "stream",
        "est. achieved occupancy %": "occupancy",
        "blocks per SM": "blocks_per_sm",
        "grid": "grid",
        "block": "block",
        "bytes": "copied",
        # Of allocations and frees.
        "Bytes": "bytes_changed",
        "Addr": "address",
        "Total Allocated": "total_allocated",
        "Device Type": "device_type",
        "Device Id": "device_id",
    },
    devices=DEVICES,
    marks=("ProfilerStep#",),
    waits=("aten::item", "aten::_local_scalar_dense"),
)
