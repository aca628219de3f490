"""What the environment of a process that measures says to libraries; must be set before torch is imported."""

# Idle OpenMP threads that spin steal time from the one that is measured.
OPENMP_SETTINGS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}

# Whether there is a GPU is asked of its driver's library: CUDA's own runtime, asked, would spoil what is forked later.
CUDA_SETTINGS = {"PYTORCH_NVML_BASED_CUDA_CHECK": "1"}
