/** The oldest Pulumi CLI that the SDK works with. */
export const OLDEST_PULUMI = [3, 250] as const;
