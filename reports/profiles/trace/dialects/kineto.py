"""What torch.profiler writes since Kineto, whatever the device."""

from __future__ import annotations

from reports.profiles.trace.dialects.base import ON_CPU, ON_DEVICE, Dialect

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
    devices={0: "CPU"},  # by c10's DeviceType, as everywhere
    marks=("ProfilerStep#",),
    waits=("aten::item", "aten::_local_scalar_dense"),
)
