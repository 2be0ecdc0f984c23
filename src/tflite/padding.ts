// Padding as TensorFlow reckons it, which files name instead of numbers.

/** Elements added before an axis so that there are windows for all of it: half of what is missing, the odd one behind. */
export function sameBefore(
  size: number,
  windows: number,
  { span, stride }: { readonly span: number; readonly stride: number },
): number {
  return Math.floor(Math.max(0, (windows - 1) * stride + span - size) / 2);
}
