// What each optimizer does in a step, as TeX. g is the gradient, θ what is trained, t the step, counted from 1; operations
// on vectors are element by element. Braces of several lines are not used: KaTeX stretches them by inline
// styles, which the page's policy does not allow. The names of the numbers are those of the knobs.

/** One line of a formula each. */
const adamMeans = [
  String.raw`m \gets \beta_1 m + (1-\beta_1)\,g`,
  String.raw`v \gets \beta_2 v + (1-\beta_2)\,g^2`,
];
const corrected = String.raw`\hat m = \frac{m}{1-\beta_1^t},\quad \hat v = \frac{v}{1-\beta_2^t}`;

export const FORMULAS: Readonly<Record<string, readonly string[]>> = {
  sgd: [
    String.raw`v \gets \beta v + g + \lambda\theta`,
    String.raw`\theta \gets \theta - \gamma v`,
    String.raw`\text{nesterov: } \theta \gets \theta - \gamma\,(g + \lambda\theta + \beta v)`,
  ],
  asgd: [
    String.raw`\eta = \gamma \,/\, \bigl(1 + \lambda\gamma\,(t-1)\bigr)^{\alpha}`,
    String.raw`\theta \gets (1 - \lambda\eta)\,\theta - \eta g`,
    String.raw`\bar\theta \gets \bar\theta + \frac{1}{\max(1,\,t - 1 - t_0)}\,(\theta - \bar\theta)`,
  ],
  adagrad: [
    String.raw`s \gets s + g^2`,
    String.raw`\theta \gets \theta - \gamma\,\frac{g}{\sqrt{s} + \varepsilon}`,
  ],
  adadelta: [
    String.raw`v \gets \rho v + (1-\rho)\,g^2`,
    String.raw`d = \frac{\sqrt{u + \varepsilon}}{\sqrt{v + \varepsilon}}\; g`,
    String.raw`u \gets \rho u + (1-\rho)\,d^2`,
    String.raw`\theta \gets \theta - \gamma d`,
  ],
  rmsprop: [
    String.raw`v \gets \alpha v + (1-\alpha)\,g^2`,
    String.raw`b \gets \mu b + \frac{g}{\sqrt{v} + \varepsilon}`,
    String.raw`\theta \gets \theta - \gamma b`,
  ],
  adam: [
    ...adamMeans,
    corrected,
    String.raw`\theta \gets \theta - \gamma\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}`,
  ],
  adamW: [
    ...adamMeans,
    corrected,
    String.raw`\theta \gets (1 - \gamma\lambda)\,\theta - \gamma\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}`,
  ],
  adamax: [
    adamMeans[0]!,
    String.raw`u \gets \max(\beta_2 u,\; |g| + \varepsilon)`,
    String.raw`\theta \gets \theta - \frac{\gamma}{1-\beta_1^t}\,\frac{m}{u}`,
  ],
  nadam: [
    String.raw`\mu_t = \beta_1\,(1 - \tfrac12\, 0.96^{\,t\psi})`,
    ...adamMeans,
    String.raw`\theta \gets \theta - \frac{\gamma}{\sqrt{\hat v} + \varepsilon}\left(\frac{\mu_{t+1}\, m}{1-\prod_{i\le t+1}\mu_i} + \frac{(1-\mu_t)\, g}{1-\prod_{i\le t}\mu_i}\right)`,
  ],
  nadamW: [
    String.raw`\mu_t = \beta_1\,(1 - \tfrac12\, 0.96^{\,t\psi})`,
    ...adamMeans,
    String.raw`\theta \gets (1-\gamma\lambda)\,\theta - \frac{\gamma}{\sqrt{\hat v} + \varepsilon}\left(\frac{\mu_{t+1}\, m}{1-\prod_{i\le t+1}\mu_i} + \frac{(1-\mu_t)\, g}{1-\prod_{i\le t}\mu_i}\right)`,
  ],
  radam: [
    ...adamMeans,
    String.raw`\rho_\infty = \frac{2}{1-\beta_2} - 1,\quad \rho_t = \rho_\infty - \frac{2t\,\beta_2^t}{1-\beta_2^t}`,
    String.raw`r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2)\,\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\,\rho_t}}`,
    String.raw`\rho_t > 5:\quad \theta \gets \theta - \gamma\,\hat m\; \frac{r_t\,\sqrt{1-\beta_2^t}}{\sqrt{v} + \varepsilon}`,
    String.raw`\rho_t \le 5:\quad \theta \gets \theta - \gamma\,\hat m`,
  ],
  adabelief: [
    adamMeans[0]!,
    String.raw`s \gets \beta_2 s + (1-\beta_2)\,(g-m)^2 + \varepsilon`,
    String.raw`\theta \gets \theta - \gamma\,\frac{\hat m}{\sqrt{\hat s} + \varepsilon}`,
  ],
  yogi: [
    adamMeans[0]!,
    String.raw`v \gets v - (1-\beta_2)\,\operatorname{sign}(v - g^2)\,g^2`,
    String.raw`\theta \gets \theta - \gamma\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon}`,
  ],
  ademamix: [
    String.raw`m_1 \gets \beta_1 m_1 + (1-\beta_1)\,g`,
    String.raw`m_2 \gets \beta_3 m_2 + (1-\beta_3)\,g`,
    adamMeans[1]!,
    String.raw`\theta \gets (1-\gamma\lambda)\,\theta - \gamma\,\frac{\hat m_1 + \alpha m_2}{\sqrt{\hat v} + \varepsilon}`,
  ],
  adopt: [
    String.raw`m \gets \beta_1 m + (1-\beta_1)\,\operatorname{clip}\!\left(\frac{g}{\max(\sqrt{v},\,\varepsilon)},\,\pm c_t\right)`,
    String.raw`\theta \gets \theta - \gamma m`,
    adamMeans[1]!,
  ],
  adan: [
    String.raw`m \gets \beta_1 m + (1-\beta_1)\,g`,
    String.raw`d \gets \beta_2 d + (1-\beta_2)\,(g - g_{t-1})`,
    String.raw`n \gets \beta_3 n + (1-\beta_3)\,\bigl(g + \beta_2\,(g - g_{t-1})\bigr)^2`,
    String.raw`\theta \gets \frac{1}{1+\gamma\lambda}\left(\theta - \gamma\,\frac{\hat m + \beta_2 \hat d}{\sqrt{\hat n} + \varepsilon}\right)`,
  ],
  lion: [
    String.raw`\theta \gets (1-\gamma\lambda)\,\theta - \gamma\,\operatorname{sign}\bigl(\beta_1 m + (1-\beta_1)\,g\bigr)`,
    String.raw`m \gets \beta_2 m + (1-\beta_2)\,g`,
  ],
  signSgd: [String.raw`\theta \gets (1-\gamma\lambda)\,\theta - \gamma\,\operatorname{sign}(g)`],
  rprop: [
    String.raw`g\,g_{t-1} > 0:\quad s \gets \min(s\,\eta^+,\; s_{\text{max}})`,
    String.raw`g\,g_{t-1} < 0:\quad s \gets \max(s\,\eta^-,\; s_{\text{min}}),\quad g \gets 0`,
    String.raw`\theta \gets \theta - s\,\operatorname{sign}(g)`,
  ],
  lars: [
    String.raw`u = g + \lambda\theta`,
    String.raw`v \gets \mu v + \gamma\,\frac{\tau\,\lVert\theta\rVert}{\lVert u\rVert + \varepsilon}\,u`,
    String.raw`\theta \gets \theta - v`,
  ],
  lamb: [
    ...adamMeans,
    String.raw`u = \frac{\hat m}{\sqrt{\hat v} + \varepsilon} + \lambda\theta`,
    String.raw`\theta \gets \theta - \gamma\,\frac{\lVert\theta\rVert}{\lVert u\rVert}\,u`,
  ],
  novograd: [
    String.raw`v \gets \beta_2 v + (1-\beta_2)\,\lVert g\rVert^2`,
    String.raw`m \gets \beta_1 m + \frac{g}{\sqrt{v} + \varepsilon} + \lambda\theta`,
    String.raw`\theta \gets \theta - \gamma m`,
  ],
  adafactor: [
    String.raw`\beta_{2,t} = 1 - t^{\tau}`,
    String.raw`R \gets \beta_{2,t} R + (1-\beta_{2,t})\,\operatorname{mean}_{\text{columns}}(G^2)`,
    String.raw`C \gets \beta_{2,t} C + (1-\beta_{2,t})\,\operatorname{mean}_{\text{rows}}(G^2)`,
    String.raw`U = G \,/\, \sqrt{R\,C \,/\, \operatorname{mean}(R)}`,
    String.raw`\theta \gets \theta - \min\!\left(\gamma, \tfrac{1}{\sqrt t}\right)\,\max\bigl(\varepsilon_2, \operatorname{rms}(\theta)\bigr)\,\frac{U}{\max\bigl(1,\, \operatorname{rms}(U)/d\bigr)}`,
  ],
  sm3: [
    String.raw`s_{ij} = \min(r_i, c_j) + g_{ij}^2`,
    String.raw`r_i \gets \max_j s_{ij},\quad c_j \gets \max_i s_{ij}`,
    String.raw`m \gets \beta m + (1-\beta)\,\frac{g}{\sqrt{s + \varepsilon}}`,
    String.raw`\theta \gets \theta - \gamma m`,
  ],
  ftrl: [
    String.raw`z \gets z + g - \frac{(n+g^2)^p - n^p}{\gamma}\,\theta,\quad n \gets n + g^2`,
    String.raw`\theta \gets \frac{\operatorname{clip}(z, \pm\lambda_1) - z}{(\beta + n^p)/\gamma + 2\lambda_2}`,
  ],
  muonWithAdamW: [
    String.raw`W \gets \mathrm{Muon}(W, G) \quad \text{matrices}`,
    String.raw`\theta \gets \mathrm{AdamW}(\theta, g) \quad \text{all else}`,
  ],
  muon: [
    String.raw`B \gets \mu B + (1-\mu)\,G,\quad U = \mu B + (1-\mu)\,G`,
    String.raw`X_0 = U / \lVert U\rVert,\quad A = X X^{\top}`,
    String.raw`X \gets aX + (bA + cA^2)\,X \quad (5\times)`,
    String.raw`W \gets (1-\gamma\lambda)\,W - \gamma\,\sqrt{\max(1,\, \text{outputs}/\text{inputs})}\;X`,
  ],
  shampoo: [
    String.raw`L \gets L + G G^{\top},\quad R \gets R + G^{\top} G`,
    String.raw`D = L^{-1/4}\, G\, R^{-1/4}`,
    String.raw`D \gets D\,\lVert G\rVert / \lVert D\rVert`,
    String.raw`V \gets \mu V + D + \lambda W,\quad W \gets W - \gamma\,(D + \lambda W + \mu V)`,
  ],
  soap: [
    String.raw`L \gets \beta L + (1-\beta)\,G G^{\top} = Q_L \Lambda_L Q_L^{\top}`,
    String.raw`R \gets \beta R + (1-\beta)\,G^{\top} G = Q_R \Lambda_R Q_R^{\top}`,
    String.raw`M \gets \beta_1 M + (1-\beta_1)\,G`,
    String.raw`V \gets \beta_2 V + (1-\beta_2)\,(Q_L^{\top} G\, Q_R)^2`,
    String.raw`W \gets (1-\gamma\lambda)\left(W - \gamma_t\, Q_L\, \frac{Q_L^{\top} M Q_R}{\sqrt{V} + \varepsilon}\, Q_R^{\top}\right)`,
    String.raw`\gamma_t = \gamma\,\sqrt{1-\beta_2^{t-1}}\,/\,(1-\beta_1^{t-1})`,
  ],
  sophiaG: [
    adamMeans[0]!,
    String.raw`h \gets \beta_2 h + (1-\beta_2)\,B\,\hat g^2 \quad \text{every } k \text{ steps}`,
    String.raw`\theta \gets (1-\gamma\lambda)\,\theta - \gamma\,\operatorname{clip}\!\left(\frac{m}{\rho h + \varepsilon},\,\pm 1\right)`,
  ],
  scheduleFreeSgd: [
    String.raw`y = (1-\beta)\,z + \beta x`,
    String.raw`z \gets z - \gamma\,\bigl(g(y) + \lambda y\bigr)`,
    String.raw`x \gets (1-c_t)\,x + c_t z,\quad c_t = \frac{w_t}{\sum_{i\le t} w_i},\quad w_t = t^{\,r}\,\gamma_{\text{max}}^{\,p}`,
  ],
  scheduleFreeAdamW: [
    String.raw`y = (1-\beta)\,z + \beta x`,
    String.raw`v \gets \beta_2 v + (1-\beta_2)\,g(y)^2`,
    String.raw`z \gets z - \gamma\sqrt{1-\beta_2^t}\left(\frac{g(y)}{\sqrt v + \varepsilon} + \lambda y\right)`,
    String.raw`x \gets (1-c_t)\,x + c_t z`,
  ],
  dog: [
    String.raw`r \gets \max\bigl(r,\; \lVert\theta - \theta_0\rVert\bigr),\quad s \gets s + \lVert g\rVert^2`,
    String.raw`\theta \gets \theta - \gamma\,\frac{r}{\sqrt{s + \varepsilon}}\,g`,
  ],
  dowg: [
    String.raw`r^2 \gets \max\bigl(r^2,\; \lVert\theta - \theta_0\rVert^2\bigr),\quad s \gets s + r^2\,\lVert g\rVert^2`,
    String.raw`\theta \gets \theta - \gamma\,\frac{r^2}{\sqrt{s} + \varepsilon}\,g`,
  ],
  dAdaptSgd: [
    String.raw`\eta = \gamma\, d \,/\, \lVert g_1\rVert`,
    String.raw`p \gets p + \eta\,\langle g, s\rangle,\quad s \gets s + \eta g`,
    String.raw`d \gets \max\bigl(d,\; 2p / \lVert s\rVert\bigr)`,
    String.raw`\theta \gets \beta\theta + (1-\beta)\,(\theta_0 - s)`,
  ],
  dAdaptAdam: [
    String.raw`m \gets \beta_1 m + (1-\beta_1)\,\gamma d\, g,\quad v \gets \beta_2 v + (1-\beta_2)\,g^2`,
    String.raw`p \gets \sqrt{\beta_2}\, p + (1-\sqrt{\beta_2})\,\gamma d\,\Bigl\langle g, \tfrac{s}{\sqrt{v} + \varepsilon}\Bigr\rangle`,
    String.raw`s \gets \sqrt{\beta_2}\, s + (1-\sqrt{\beta_2})\,\gamma d\, g`,
    String.raw`d \gets \max\!\left(d,\; \frac{p}{(1-\sqrt{\beta_2})\,\lVert s\rVert_1}\right)`,
    String.raw`\theta \gets \theta - \frac{m}{\sqrt v + \varepsilon}`,
  ],
  prodigy: [
    String.raw`m \gets \beta_1 m + (1-\beta_1)\,d g,\quad v \gets \beta_2 v + (1-\beta_2)\,d^2 g^2`,
    String.raw`p \gets \beta_3\, p + \gamma d^2\,\langle g, \theta_0 - \theta\rangle,\quad s \gets \beta_3 s + \gamma d^2 g`,
    String.raw`d \gets \max\bigl(d,\; p \,/\, \lVert s\rVert_1\bigr)`,
    String.raw`\theta \gets (1 - \gamma d\lambda)\,\theta - \gamma d\,\frac{m}{\sqrt v + d\,\varepsilon}`,
  ],
  polyakSgd: [
    String.raw`\eta = \min\!\left(\frac{f(\theta) - f^*}{\lVert g\rVert^2 + \varepsilon},\; \eta_{\text{max}}\right)`,
    String.raw`\theta \gets \theta - \gamma\,\eta\, g`,
  ],
};
