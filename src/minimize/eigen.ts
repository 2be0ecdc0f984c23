// Eigenvalues and eigenvectors of a symmetric matrix: Jacobi's rotations, cyclic by rows. Golub & Van Loan, section 8.5.

export interface Eigen {
  readonly values: Float64Array;
  /** n × n, row-major; the vectors are its columns, orthonormal. */
  readonly vectors: Float64Array;
}

/** Sweeps after which it is at the limit of the numbers; convergence is quadratic, and ten are rarely needed. */
const SWEEPS = 40;

/** Decomposes an n × n matrix, row-major and symmetric; it is left as it is. */
export function eigen(matrix: Float64Array, n: number): Eigen {
  const a = matrix.slice();
  const vectors = new Float64Array(n * n);
  for (let i = 0; i < n; i++) vectors[i * n + i] = 1;

  /** Turns columns p and q, or rows with the strides swapped. */
  function turn(m: Float64Array, p: number, q: number, stride: number, cosine: number, sine: number): void {
    for (let k = 0; k < n; k++) {
      const x = m[p + k * stride]!;
      const y = m[q + k * stride]!;
      m[p + k * stride] = cosine * x - sine * y;
      m[q + k * stride] = sine * x + cosine * y;
    }
  }

  for (let sweep = 0, turned = true; turned && sweep < SWEEPS; sweep++) {
    turned = false;
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        const off = a[p * n + q]!;
        const [first, last] = [a[p * n + p]!, a[q * n + q]!];
        // What does not change the sum with the diagonal is zero.
        if (Math.abs(off) <= 2 ** -53 * Math.sqrt(Math.abs(first * last))) continue;
        turned = true;
        const theta = (last - first) / (2 * off);
        const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const cosine = 1 / Math.sqrt(tangent * tangent + 1);
        const sine = tangent * cosine;
        turn(a, p, q, n, cosine, sine);
        turn(a, p * n, q * n, 1, cosine, sine);
        turn(vectors, p, q, n, cosine, sine);
      }
    }
  }
  return { values: Float64Array.from({ length: n }, (_, i) => a[i * n + i]!), vectors };
}
