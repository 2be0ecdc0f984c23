// The models of ../architectures.js in TensorFlow.js: functions from the variables and a batch to logits.

/**
 * @param {any} tf
 * @param {"batch" | "running"} statistics What batch normalizations go by: the batch, or mean 0 and variance 1.
 */
export function models(tf, statistics) {
  const linear = (p, name, x) => tf.add(tf.matMul(x, p[`${name}.weight`]), p[`${name}.bias`]);
  const pool = (x) => tf.maxPool(x, 2, 2, "valid");

  function unit(p, name, x, stride = 1) {
    // Padded alike on both sides, as PyTorch does; "same" puts more at the end where the stride is 2.
    const pad = (p[`${name}.weight`].shape[0] - 1) / 2;
    const y = tf.conv2d(x, p[`${name}.weight`], stride, pad);
    const { mean, variance } =
      statistics === "batch"
        ? tf.moments(y, [0, 1, 2])
        : { mean: tf.zeros([y.shape[3]]), variance: tf.ones([y.shape[3]]) };
    return tf.batchNorm(y, mean, variance, p[`${name}.offset`], p[`${name}.scale`], 1e-5);
  }

  function unrolled(x, cell) {
    let state;
    for (const time of tf.unstack(x, 1)) state = cell(time, state);
    return state;
  }

  return {
    cnn(p, x) {
      let h = pool(tf.relu(tf.add(tf.conv2d(x, p["conv1.weight"], 1, "same"), p["conv1.bias"])));
      h = pool(tf.relu(tf.add(tf.conv2d(h, p["conv2.weight"], 1, "same"), p["conv2.bias"])));
      return linear(p, "dense2", tf.relu(linear(p, "dense1", tf.reshape(h, [-1, 1568]))));
    },

    residual(p, x) {
      let h = tf.relu(unit(p, "stem", x, 2));
      h = tf.relu(tf.add(h, unit(p, "block1.conv2", tf.relu(unit(p, "block1.conv1", h)))));
      const inner = unit(p, "block2.conv2", tf.relu(unit(p, "block2.conv1", h, 2)));
      h = tf.relu(tf.add(unit(p, "block2.shortcut", h, 2), inner));
      return linear(p, "head", tf.mean(h, [1, 2]));
    },

    lstm(p, x) {
      const { h } = unrolled(x, (time, before) => {
        const projected = tf.add(tf.matMul(time, p["recurrent.input"]), p["recurrent.bias"]);
        const gates = before ? tf.add(projected, tf.matMul(before.h, p["recurrent.state"])) : projected;
        const [i, f, g, o] = tf.split(gates, 4, 1);
        const fresh = tf.mul(tf.sigmoid(i), tf.tanh(g));
        const c = before ? tf.add(tf.mul(tf.sigmoid(f), before.c), fresh) : fresh;
        return { c, h: tf.mul(tf.sigmoid(o), tf.tanh(c)) };
      });
      return linear(p, "head", h);
    },

    gru(p, x) {
      const last = unrolled(x, (time, before) => {
        const projected = tf.add(tf.matMul(time, p["recurrent.input"]), p["recurrent.bias"]);
        const old = before ?? tf.zeros([time.shape[0], 128]);
        const known = tf.add(tf.matMul(old, p["recurrent.state"]), p["recurrent.stateBias"]);
        const [r, z, n] = tf.split(projected, 3, 1);
        const [rOld, zOld, nOld] = tf.split(known, 3, 1);
        const update = tf.sigmoid(tf.add(z, zOld));
        const fresh = tf.tanh(tf.add(n, tf.mul(tf.sigmoid(tf.add(r, rOld)), nOld)));
        return tf.add(fresh, tf.mul(update, tf.sub(old, fresh)));
      });
      return linear(p, "head", last);
    },

    transformer(p, x) {
      const [batch, length] = x.shape;
      const [heads, width] = [4, 64];
      const future = tf.sub(1, tf.linalg.bandPart(tf.ones([length, length]), -1, 0));
      const normal = (name, h) => {
        const { mean, variance } = tf.moments(h, -1, true);
        const scaled = tf.mul(tf.sub(h, mean), tf.rsqrt(tf.add(variance, 1e-5)));
        return tf.add(tf.mul(scaled, p[`${name}.scale`]), p[`${name}.offset`]);
      };
      const gelu = (h) => tf.mul(tf.mul(0.5, h), tf.add(1, tf.erf(tf.mul(h, Math.SQRT1_2))));
      const rows = (h) => tf.reshape(h, [batch * length, -1]);
      const headed = (h) => tf.transpose(tf.reshape(h, [batch, length, heads, width / heads]), [0, 2, 1, 3]);
      const block = (name, h) => {
        const [q, k, v] = tf
          .split(linear(p, `${name}.projection`, rows(normal(`${name}.norm1`, h))), 3, 1)
          .map(headed);
        const scores = tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width / heads));
        const mixed = tf.matMul(tf.softmax(tf.sub(scores, tf.mul(future, 1e9))), v);
        const joined = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch * length, width]);
        const y = tf.add(h, tf.reshape(linear(p, `${name}.output`, joined), h.shape));
        const inner = gelu(linear(p, `${name}.inner`, rows(normal(`${name}.norm2`, y))));
        return tf.add(y, tf.reshape(linear(p, `${name}.outer`, inner), h.shape));
      };
      const start = tf.add(tf.gather(p.tokens, tf.cast(x, "int32")), p.positions);
      const h = normal("norm", block("block2", block("block1", start)));
      return linear(p, "head", rows(h));
    },
  };
}
