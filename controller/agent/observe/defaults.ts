/** What is observed where the settings say nothing else. Apart from the rest, for the command line shows it. */

export const DEFAULT_REPORT_LABELS: readonly string[] = ['team'];

/** Whole GPUs, shared ones, and those that a driver counts under a domain of GPUs. */
export const DEFAULT_GPU_RESOURCES: readonly string[] = ['*/gpu', '*/gpu.shared', 'gpu.*/i915', 'gpu.*/xe'];
