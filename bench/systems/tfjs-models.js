// The models of ../architectures.js in TensorFlow.js: functions from the variables and a batch to logits.
import { Unable } from "../systems.js";

/** @param {any} tf */
export function models(tf) {
  const linear = (p, name, x) => tf.add(tf.matMul(x, p[`${name}.weight`]), p[`${name}.bias`]);
  const pool = (x) => tf.maxPool(x, 2, 2, "valid");

  function unit(p, name, x, stride = 1) {
    // Padded alike on both sides, as PyTorch does; "same" puts more at the end where the stride is 2.
    const pad = (p[`${name}.weight`].shape[0] - 1) / 2;
    const y = tf.conv2d(x, p[`${name}.weight`], stride, pad);
    const { mean, variance } = tf.moments(y, [0, 1, 2]);
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

    transformer() {
      throw new Unable("has no gradient of an embedding on this backend");
    },
  };
}
