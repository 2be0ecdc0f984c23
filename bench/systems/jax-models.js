// The models of ../architectures.js in jax-js: functions from the parameters and a batch to logits, channels first.
// An array handed to a function is gone; `ref` hands on a second hold of it.

/** @param {any} jax the package */
export function models({ numpy: np, nn, lax }) {
  const convolution = (x, weight, stride = 1) => {
    // [height, width, in, out] as jax-js has it.
    const kernel = np.transpose(weight, [3, 2, 0, 1]);
    const pad = (kernel.shape[2] - 1) / 2;
    return lax.convGeneralDilated(
      x,
      kernel,
      [stride, stride],
      [
        [pad, pad],
        [pad, pad],
      ],
    );
  };
  const perChannel = (v) => v.reshape([1, v.shape[0], 1, 1]);
  const pool = (x) => {
    const [n, c, h, w] = x.shape;
    return np.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5]);
  };
  const linear = (p, name, x) => np.dot(x, p[`${name}.weight`]).add(p[`${name}.bias`]);

  function batchNorm(p, name, x) {
    const mean = np.mean(x.ref, [0, 2, 3], { keepdims: true });
    const centred = x.sub(mean);
    const variance = np.mean(np.square(centred.ref), [0, 2, 3], { keepdims: true });
    const scale = perChannel(p[`${name}.scale`]).mul(np.reciprocal(np.sqrt(variance.add(1e-5))));
    return centred.mul(scale).add(perChannel(p[`${name}.offset`]));
  }
  const unit = (p, name, x, stride) => batchNorm(p, name, convolution(x, p[`${name}.weight`], stride));

  function layerNorm(p, name, x) {
    const mean = np.mean(x.ref, -1, { keepdims: true });
    const centred = x.sub(mean);
    const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
    return centred
      .mul(np.reciprocal(np.sqrt(variance.add(1e-5))))
      .mul(p[`${name}.scale`])
      .add(p[`${name}.offset`]);
  }

  /** Runs a cell over 28 time steps, which jax-js has to be told one by one. */
  function unrolled(p, gates, cell, x) {
    const projected = np
      .dot(x, p["recurrent.input"])
      .add(p["recurrent.bias"])
      .reshape([64, 28, gates * 128]);
    const times = np.split(projected, 28, 1);
    let state;
    for (const time of times) {
      state = cell(time.reshape([64, gates * 128]), state);
    }
    return state;
  }

  return {
    cnn(p, x) {
      let h = pool(nn.relu(convolution(x, p["conv1.weight"]).add(perChannel(p["conv1.bias"]))));
      h = pool(nn.relu(convolution(h, p["conv2.weight"]).add(perChannel(p["conv2.bias"]))));
      h = np.transpose(h, [0, 2, 3, 1]).reshape([64, 1568]);
      return linear(p, "dense2", nn.relu(linear(p, "dense1", h)));
    },

    residual(p, x) {
      let h = nn.relu(unit(p, "stem", x, 2));
      h = nn.relu(unit(p, "block1.conv2", nn.relu(unit(p, "block1.conv1", h.ref))).add(h));
      const inner = unit(p, "block2.conv2", nn.relu(unit(p, "block2.conv1", h.ref, 2)));
      h = nn.relu(unit(p, "block2.shortcut", h, 2).add(inner));
      return linear(p, "head", np.mean(h, [2, 3]));
    },

    lstm(p, x) {
      const state = unrolled(
        p,
        4,
        (projected, before) => {
          const gates = before ? projected.add(np.dot(before.h, p["recurrent.state"].ref)) : projected;
          const [i, f, g, o] = np.split(gates, 4, 1);
          const fresh = nn.sigmoid(i).mul(np.tanh(g));
          const c = before ? nn.sigmoid(f).mul(before.c).add(fresh) : fresh;
          if (!before) f.dispose();
          return { c: c.ref, h: nn.sigmoid(o).mul(np.tanh(c)) };
        },
        x,
      );
      state.c.dispose();
      p["recurrent.state"].dispose();
      return linear(p, "head", state.h);
    },

    gru(p, x) {
      const h = unrolled(
        p,
        3,
        (projected, before) => {
          const [r, z, n] = np.split(projected, 3, 1);
          const old = before ?? np.zeros([64, 128]);
          const [rOld, zOld, nOld] = np.split(
            np.dot(old.ref, p["recurrent.state"].ref).add(p["recurrent.stateBias"].ref),
            3,
            1,
          );
          const reset = nn.sigmoid(r.add(rOld));
          const update = nn.sigmoid(z.add(zOld));
          const fresh = np.tanh(n.add(reset.mul(nOld)));
          return fresh.ref.add(update.mul(old.sub(fresh)));
        },
        x,
      );
      p["recurrent.state"].dispose();
      p["recurrent.stateBias"].dispose();
      return linear(p, "head", h);
    },

    transformer(p, x) {
      let h = np.take(p.tokens, x, 0).add(p.positions);
      for (const name of ["block1", "block2"]) {
        const y = layerNorm(p, `${name}.norm1`, h.ref);
        const [query, key, value] = np
          .split(linear(p, `${name}.projection`, y), 3, -1)
          .map((part) => part.reshape([16, 64, 4, 16]));
        const attended = nn.dotProductAttention(query, key, value, { isCausal: true }).reshape([16, 64, 64]);
        h = h.add(linear(p, `${name}.output`, attended));
        const inner = nn.gelu(linear(p, `${name}.inner`, layerNorm(p, `${name}.norm2`, h.ref)), {
          approximate: false,
        });
        h = h.add(linear(p, `${name}.outer`, inner));
      }
      return linear(p, "head", layerNorm(p, "norm", h)).reshape([1024, 80]);
    },
  };
}
