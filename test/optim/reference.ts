// Optimizers that PyTorch 1.13 lacks, and conventions of others, each written by itself in 64 bits from its source.
// An element's state is what its function has closed over.

/** Changes one tensor in place, given its gradient and the number of the step. */
type TensorUpdate = (theta: Float64Array, gradient: Float64Array, step: number) => void;
/** A new optimizer for each tensor. */
export type Reference = () => TensorUpdate;

type Rate = (step: number) => number;
type Element = (x: number, g: number, t: number) => number;

/** What goes on in one element, for each of them. */
function elementwise(element: () => Element): Reference {
  return () => {
    let elements: Element[] | undefined;
    return (theta, gradient, t) => {
      elements ??= Array.from(theta, element);
      for (const [i, next] of elements.entries()) theta[i] = next(theta[i]!, gradient[i]!, t);
    };
  };
}

const normOf = (x: Float64Array) => Math.hypot(...x);

interface Momentum {
  readonly rate: Rate;
  readonly momentum: number;
  readonly decay: number;
  readonly nesterov: boolean;
}

/** keras/src/optimizers/sgd.py; Sutskever et al. 2013. */
export const difference = ({ rate, momentum, decay, nesterov }: Momentum): Reference =>
  elementwise(() => {
    let v = 0;
    return (x, slope, t) => {
      const g = slope + decay * x;
      v = momentum * v - rate(t) * g;
      return nesterov ? x + momentum * v - rate(t) * g : x + v;
    };
  });

/** v ← βv + (1 − β)g; with Nesterov the step takes the mean as it would be with this gradient once more. */
export const averaging = ({ rate, momentum, decay, nesterov }: Momentum): Reference =>
  elementwise(() => {
    let v = 0;
    const mean = (g: number) => momentum * v + (1 - momentum) * g;
    return (x, slope, t) => {
      const g = slope + decay * x;
      v = mean(g);
      return x - rate(t) * (nesterov ? mean(g) : v);
    };
  });

/** keras/src/optimizers/adagrad.py; optax scale_by_rss. */
export const adagradInside = (rate: Rate, initial: number, epsilon: number): Reference =>
  elementwise(() => {
    let sum = initial;
    return (x, g, t) => {
      sum += g * g;
      return x - (rate(t) * g) / Math.sqrt(sum + epsilon);
    };
  });

/** keras/src/optimizers/rmsprop.py; optax rmsprop with trace behind the learning rate. */
export const rmspropKeras = (options: {
  readonly rate: Rate;
  readonly rho: number;
  readonly epsilon: number;
  readonly momentum?: number;
  readonly centered?: boolean;
}): Reference =>
  elementwise(() => {
    const { rate, rho, epsilon, momentum = 0, centered = false } = options;
    let [velocity, mean, gathered] = [0, 0, 0];
    return (x, g, t) => {
      velocity = rho * velocity + (1 - rho) * g * g;
      mean = rho * mean + (1 - rho) * g;
      const increment = (rate(t) * g) / Math.sqrt(velocity - (centered ? mean * mean : 0) + epsilon);
      gathered = momentum * gathered + increment;
      return x - gathered;
    };
  });

interface Adam {
  readonly rate: Rate;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Joined to the gradient. */
  readonly joined?: number;
  /** θ shrinks by γλ. */
  readonly decoupled?: number;
}

/** keras/src/optimizers/adam.py: α holds both corrections. */
export const adamKeras = ({
  rate,
  beta1,
  beta2,
  epsilon,
  amsgrad,
}: Adam & { readonly amsgrad: boolean }): Reference =>
  elementwise(() => {
    let [m, v, most] = [0, 0, 0];
    return (x, g, t) => {
      const alpha = (rate(t) * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
      m += (g - m) * (1 - beta1);
      v += (g * g - v) * (1 - beta2);
      most = Math.max(most, v);
      return x - (m * alpha) / (Math.sqrt(amsgrad ? most : v) + epsilon);
    };
  });

/** optax scale_by_amsgrad: the largest corrected mean. */
export const amsgradOptax = ({ rate, beta1, beta2, epsilon }: Adam): Reference =>
  elementwise(() => {
    let [mu, nu, most] = [0, 0, 0];
    return (x, g, t) => {
      mu = beta1 * mu + (1 - beta1) * g;
      nu = beta2 * nu + (1 - beta2) * g * g;
      most = Math.max(most, nu / (1 - beta2 ** t));
      return x - (rate(t) * (mu / (1 - beta1 ** t))) / (Math.sqrt(most) + epsilon);
    };
  });

/** keras/src/optimizers/adamax.py. */
export const adamaxKeras = ({ rate, beta1, beta2, epsilon }: Adam): Reference =>
  elementwise(() => {
    let [m, u] = [0, 0];
    return (x, g, t) => {
      m += (g - m) * (1 - beta1);
      u = Math.max(beta2 * u, Math.abs(g));
      return x - (rate(t) * m) / ((1 - beta1 ** t) * (u + epsilon));
    };
  });

/** keras/src/optimizers/nadam.py: the momentum nears β₁ with 0.96ᵗ. */
export const nadamKeras = ({ rate, beta1, beta2, epsilon }: Adam): Reference =>
  elementwise(() => {
    let [m, v, product] = [0, 0, 1];
    const u = (t: number) => beta1 * (1 - 0.5 * 0.96 ** t);
    return (x, g, t) => {
      product *= u(t);
      m += (g - m) * (1 - beta1);
      v += (g * g - v) * (1 - beta2);
      const ahead = (u(t + 1) * m) / (1 - product * u(t + 1)) + ((1 - u(t)) * g) / (1 - product);
      return x - (ahead * rate(t)) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
    };
  });

/** optax scale_by_adam with nesterov, and add_decayed_weights behind it (nadamw). */
export const nadamOptax = ({ rate, beta1, beta2, epsilon, decoupled = 0 }: Adam): Reference =>
  elementwise(() => {
    let [mu, nu] = [0, 0];
    return (x, g, t) => {
      mu = beta1 * mu + (1 - beta1) * g;
      nu = beta2 * nu + (1 - beta2) * g * g;
      const ahead = (beta1 * mu) / (1 - beta1 ** (t + 1)) + ((1 - beta1) * g) / (1 - beta1 ** t);
      return x - rate(t) * (ahead / (Math.sqrt(nu / (1 - beta2 ** t)) + epsilon) + decoupled * x);
    };
  });

/** torch/optim/nadam.py with decoupled_weight_decay (2.0 and later). */
export const nadamWTorch = (options: Adam & { readonly momentumDecay: number }): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, epsilon, decoupled = 0, momentumDecay } = options;
    let [m, v, product] = [0, 0, 1];
    const momentum = (t: number) => beta1 * (1 - 0.5 * 0.96 ** (t * momentumDecay));
    return (x, g, t) => {
      product *= momentum(t);
      const next = product * momentum(t + 1);
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * g * g;
      const root = Math.sqrt(v / (1 - beta2 ** t)) + epsilon;
      const kept = x * (1 - rate(t) * decoupled);
      const byGradient = (rate(t) * (1 - momentum(t)) * g) / ((1 - product) * root);
      return kept - byGradient - (rate(t) * momentum(t + 1) * m) / ((1 - next) * root);
    };
  });

/** optax scale_by_radam; with "torch" ε stands as in torch/optim/radam.py. */
export const radam = (options: Adam & { readonly epsilonAt: "torch" | "optax" }): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, epsilon, decoupled = 0, epsilonAt } = options;
    let [mu, nu] = [0, 0];
    const limit = 2 / (1 - beta2) - 1;
    return (x, g, t) => {
      mu = beta1 * mu + (1 - beta1) * g;
      nu = beta2 * nu + (1 - beta2) * g * g;
      const rho = limit - (2 * t * beta2 ** t) / (1 - beta2 ** t);
      const r = Math.sqrt(((rho - 4) * (rho - 2) * limit) / ((limit - 4) * (limit - 2) * rho));
      const correction = Math.sqrt(1 - beta2 ** t);
      const root =
        epsilonAt === "optax" ? Math.sqrt(nu) / correction + epsilon : (Math.sqrt(nu) + epsilon) / correction;
      const step = mu / (1 - beta1 ** t);
      return x - rate(t) * (decoupled * x + (rho > 5 ? (r * step) / root : step));
    };
  });

/** adabelief_pytorch 0.2.1 without rectification, and optax scale_by_belief: ε stays in s and stands behind the root. */
export const adabelief = (options: Adam & { readonly inside: number }): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, epsilon, inside, joined = 0, decoupled = 0 } = options;
    let [m, s] = [0, 0];
    return (x, slope, t) => {
      const g = slope + joined * x;
      m = beta1 * m + (1 - beta1) * g;
      s = beta2 * s + (1 - beta2) * (g - m) ** 2 + inside;
      const root = Math.sqrt(s / (1 - beta2 ** t)) + epsilon;
      return x * (1 - rate(t) * decoupled) - (rate(t) * (m / (1 - beta1 ** t))) / root;
    };
  });

/** optax scale_by_yogi; with "keras" tensorflow_addons/optimizers/yogi.py. */
export const yogi = (
  options: Adam & { readonly initial: number; readonly as: "optax" | "keras" },
): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, epsilon, initial, as } = options;
    let [m, v] = [as === "optax" ? initial : 0, initial];
    return (x, g, t) => {
      m = m * beta1 + g * (1 - beta1);
      v += (1 - beta2) * Math.sign(g * g - v) * g * g;
      if (as === "optax") {
        return x - (rate(t) * (m / (1 - beta1 ** t))) / (Math.sqrt(v / (1 - beta2 ** t)) + epsilon);
      }
      const corrected = (rate(t) * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
      return x - (corrected / (Math.sqrt(v) + epsilon)) * m;
    };
  });

/** apple/ml-ademamix, pytorch/ademamix.py. */
export const ademamix = (options: Adam & { readonly alpha: Rate; readonly beta3: Rate }): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, epsilon, decoupled = 0, alpha, beta3 } = options;
    let [fast, slow, squares] = [0, 0, 0];
    return (x, g, t) => {
      fast = fast * beta1 + (1 - beta1) * g;
      slow = slow * beta3(t) + (1 - beta3(t)) * g;
      squares = squares * beta2 + (1 - beta2) * g * g;
      const root = Math.sqrt(squares) / Math.sqrt(1 - beta2 ** t) + epsilon;
      return x - rate(t) * ((fast / (1 - beta1 ** t) + alpha(t) * slow) / root + decoupled * x);
    };
  });

/** iShohei220/adopt, src/adopt/adopt.py: its step counts from 0, and the first only fills the squares. */
export const adopt = (options: Adam & { readonly clip?: (step: number) => number }): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, epsilon, joined = 0, decoupled = 0, clip = (step) => step ** 0.25 } = options;
    let [mean, squares, step] = [0, 0, 0];
    return (x, slope, t) => {
      const g = slope + joined * x;
      if (step++ === 0) {
        squares = g * g;
        return x;
      }
      const limit = clip(step - 1);
      const scaled = Math.max(-limit, Math.min(limit, g / Math.max(Math.sqrt(squares), epsilon)));
      mean += (scaled - mean) * (1 - beta1);
      squares = squares * beta2 + (1 - beta2) * g * g;
      return x * (1 - rate(t) * decoupled) - rate(t) * mean;
    };
  });

interface Adan extends Adam {
  readonly beta3: number;
  readonly decay: number;
}

/** sail-sg/Adan, adan.py, _single_tensor_adan without no_prox. */
export const adanAuthors = ({ rate, beta1, beta2, beta3, epsilon, decay }: Adan): Reference =>
  elementwise(() => {
    let [mean, change, squares] = [0, 0, 0];
    let before: number | undefined;
    return (x, g, t) => {
      const d = g - (before ?? g);
      before = g;
      mean = mean * beta1 + (1 - beta1) * g;
      change = change * beta2 + (1 - beta2) * d;
      squares = squares * beta3 + (1 - beta3) * (d * beta2 + g) ** 2;
      const root = Math.sqrt(squares) / Math.sqrt(1 - beta3 ** t) + epsilon;
      const byMean = ((rate(t) / (1 - beta1 ** t)) * mean) / root;
      const byChange = (((rate(t) * beta2) / (1 - beta2 ** t)) * change) / root;
      return (x - byMean - byChange) / (1 + rate(t) * decay);
    };
  });

/** optax scale_by_adan, and add_decayed_weights behind it. */
export const adanOptax = (options: Adan & { readonly epsilonRoot: number }): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, beta3, epsilon, epsilonRoot, decay } = options;
    let [m, v, n, before] = [0, 0, 0, 0];
    return (x, g, t) => {
      const diff = t === 1 ? 0 : g - before;
      before = g;
      m = beta1 * m + (1 - beta1) * g;
      v = beta2 * v + (1 - beta2) * diff;
      n = beta3 * n + (1 - beta3) * (g + (1 - beta2) * diff) ** 2;
      const u = m / (1 - beta1 ** t) + ((1 - beta2) * v) / (1 - beta2 ** t);
      return x - rate(t) * (u / (Math.sqrt(n / (1 - beta3 ** t) + epsilonRoot) + epsilon) + decay * x);
    };
  });

/** lucidrains/lion-pytorch, update_fn; Chen et al. 2023, program 1. */
export const lion = (options: Omit<Adam, "epsilon">): Reference =>
  elementwise(() => {
    const { rate, beta1, beta2, decoupled = 0 } = options;
    let m = 0;
    return (x, g, t) => {
      const direction = Math.sign(m * beta1 + g * (1 - beta1));
      m = m * beta2 + g * (1 - beta2);
      return x * (1 - rate(t) * decoupled) - rate(t) * direction;
    };
  });

/** optax sign_sgd, and add_decayed_weights behind the sign. */
export const signSgd = (rate: Rate, decoupled: number): Reference =>
  elementwise(() => (x, g, t) => x - rate(t) * (Math.sign(g) + decoupled * x));

/** optax lars: decay, trust ratio, learning rate, trace; with "paper" the ratio of You et al. 2017, algorithm 1. */
export const lars = (
  options: Momentum & { readonly trust: number; readonly epsilon: number; readonly ratio: "optax" | "paper" },
): Reference => {
  const { rate, momentum, decay, nesterov, trust, epsilon, ratio } = options;
  return () => {
    let trace: Float64Array | undefined;
    return (theta, gradient, t) => {
      const update = gradient.map((g, i) => g + decay * theta[i]!);
      const size = normOf(theta);
      const length = ratio === "optax" ? normOf(update) : normOf(gradient) + decay * size;
      const scale = size === 0 || length === 0 ? 1 : (trust * size) / (length + epsilon);
      const scaled = update.map((u) => -rate(t) * scale * u);
      const old = (trace ??= new Float64Array(theta.length));
      trace = scaled.map((u, i) => u + momentum * old[i]!);
      for (const [i, v] of trace.entries()) theta[i]! += nesterov ? scaled[i]! + momentum * v : v;
    };
  };
};

/** optax lamb: scale_by_adam, decay, trust ratio, learning rate. */
export const lamb = ({ rate, beta1, beta2, epsilon, decoupled = 0 }: Adam): Reference => {
  return () => {
    let mu: Float64Array | undefined;
    let nu: Float64Array | undefined;
    return (theta, gradient, t) => {
      mu = gradient.map((g, i) => beta1 * (mu?.[i] ?? 0) + (1 - beta1) * g);
      nu = gradient.map((g, i) => beta2 * (nu?.[i] ?? 0) + (1 - beta2) * g * g);
      const update = mu.map(
        (m, i) =>
          m / (1 - beta1 ** t) / (Math.sqrt(nu![i]! / (1 - beta2 ** t)) + epsilon) + decoupled * theta[i]!,
      );
      const [size, length] = [normOf(theta), normOf(update)];
      const ratio = size === 0 || length === 0 ? 1 : size / length;
      for (const [i, u] of update.entries()) theta[i]! -= rate(t) * ratio * u;
    };
  };
};

/** optax scale_by_novograd: the first step takes the squared norm and the scaled gradient as they are. */
export const novograd = ({ rate, beta1, beta2, epsilon, decoupled = 0 }: Adam): Reference => {
  return () => {
    let nu = 0;
    let mu: Float64Array | undefined;
    return (theta, gradient, t) => {
      const square = normOf(gradient) ** 2;
      nu = t === 1 ? square : beta2 * nu + (1 - beta2) * square;
      const scaled = gradient.map((g, i) => g / (Math.sqrt(nu) + epsilon) + decoupled * theta[i]!);
      const old = mu;
      mu = old ? scaled.map((u, i) => beta1 * old[i]! + u) : scaled;
      for (const [i, m] of mu.entries()) theta[i]! -= rate(t) * m;
    };
  };
};
