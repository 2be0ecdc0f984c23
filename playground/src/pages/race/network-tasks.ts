// What networks race for: known to the view, which does not load what trains them.

export const NETWORK_TASKS = ["spirals", "digits"] as const;
export type NetworkTaskName = (typeof NETWORK_TASKS)[number];

/** The loss to be reached, and the steps that there are for it. */
export const NETWORK_TARGETS: Readonly<Record<NetworkTaskName, { loss: number; maxSteps: number }>> = {
  spirals: { loss: 0.05, maxSteps: 1000 },
  digits: { loss: 0.4, maxSteps: 300 },
};
