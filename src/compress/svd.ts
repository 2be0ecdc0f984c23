// The singular value decomposition of small matrices, on the host, in 64 bits, the same on every runtime.

/** A = Σ σₖ uₖ vₖᵀ, the largest σ first. */
export interface Decomposition {
  readonly values: Float64Array;
  /** uₖ, and vₖ. */
  readonly left: readonly Float64Array[];
  readonly right: readonly Float64Array[];
}

/** Sweeps over all pairs of columns; a dozen is more than any matrix has been seen to need. */
const SWEEPS = 40;

/**
 * By one-sided Jacobi rotations: pairs of columns are turned until all stand at right angles; their lengths are the singular
 * values then. Hestenes 1958; small values are as accurate as large ones (Demmel and Veselić 1992).
 */
export function singularValues(matrix: ArrayLike<number>, rows: number, columns: number): Decomposition {
  // The longer side is that of the vectors that are turned.
  const turned = columns > rows;
  const [m, n] = turned ? [columns, rows] : [rows, columns];
  const a = Array.from({ length: n }, (_, j) =>
    Float64Array.from({ length: m }, (_, i) => matrix[turned ? j * columns + i : i * columns + j]!),
  );
  const v = Array.from({ length: n }, (_, j) =>
    Float64Array.from({ length: n }, (_, i) => (i === j ? 1 : 0)),
  );
  const dot = (x: Float64Array, y: Float64Array) => {
    let sum = 0;
    for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
    return sum;
  };
  const rotate = (x: Float64Array, y: Float64Array, c: number, s: number) => {
    for (let i = 0; i < x.length; i++) {
      const [p, q] = [x[i]!, y[i]!];
      x[i] = c * p - s * q;
      y[i] = s * p + c * q;
    }
  };
  for (let sweep = 0, done = false; sweep < SWEEPS && !done; sweep++) {
    done = true;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const [alpha, beta, gamma] = [dot(a[p]!, a[p]!), dot(a[q]!, a[q]!), dot(a[p]!, a[q]!)];
        if (Math.abs(gamma) <= 1e-15 * Math.sqrt(alpha * beta)) continue;
        done = false;
        const zeta = (beta - alpha) / (2 * gamma);
        const t = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const c = 1 / Math.sqrt(1 + t * t);
        rotate(a[p]!, a[q]!, c, c * t);
        rotate(v[p]!, v[q]!, c, c * t);
      }
    }
  }
  const lengths = a.map((column) => Math.sqrt(dot(column, column)));
  const order = [...lengths.keys()].sort((p, q) => lengths[q]! - lengths[p]! || p - q);
  const unit = (k: number) => a[k]!.map((x) => (lengths[k]! > 0 ? x / lengths[k]! : 0));
  const [long, short] = [order.map(unit), order.map((k) => v[k]!)];
  return {
    values: Float64Array.from(order, (k) => lengths[k]!),
    left: turned ? short : long,
    right: turned ? long : short,
  };
}
