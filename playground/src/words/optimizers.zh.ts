// What the sources say of the optimizers, in Chinese: by the English sentence, so that one that changes is missed, not told wrong.

export const sources: Readonly<Record<string, string>> = {
  "Stochastic gradient descent: θ ← θ − γ (g + λθ), with momentum by choice.":
    "随机梯度下降：θ ← θ − γ (g + λθ)，可选动量。",
  "momentum as PyTorch, by difference (Keras), by averaging; dampening":
    "动量可按 PyTorch 的写法、按差分（Keras）或按平均；阻尼",
  "Step size γ > 0, or a function of the step.": "步长 γ > 0，或步数的函数。",
  "β in 0 ≤ β < 1.": "β，0 ≤ β < 1。",
  "How velocity is kept:": "速度的记法：",
  "v ← βv + (1 − dampening) g, θ ← θ − γv. The default, PyTorch's.":
    "v ← βv + (1 − dampening) g，θ ← θ − γv。默认，与 PyTorch 相同。",
  "v ← βv − γg, θ ← θ + v. Polyak 1964, Sutskever et al. 2013, Keras; the same as the first while γ is constant, another where it changes.":
    "v ← βv − γg，θ ← θ + v。Polyak 1964、Sutskever 等 2013、Keras；γ 不变时与第一种相同，γ 变化时不同。",
  "v ← βv + (1 − β) g, θ ← θ − γv. The first with dampening β and γ scaled.":
    "v ← βv + (1 − β) g，θ ← θ − γv。即第一种取阻尼 β 并缩放 γ。",
  "Share of the gradient that the torch convention leaves out, but for the first step.":
    "torch 写法中略去的梯度份额，第一步除外。",
  "Look ahead along the velocity. Nesterov 1983. Needs momentum and no dampening.":
    "沿速度方向向前看。Nesterov 1983。需要有动量且没有阻尼。",
  "λ ≥ 0: g ← g + λθ.": "λ ≥ 0：g ← g + λθ。",
  "Averaged stochastic gradient descent; the average is what `Trainer.average` gives.":
    "平均随机梯度下降；平均值由 `Trainer.average` 给出。",
  "Polyak and Juditsky 1992; numbers as PyTorch's.": "Polyak 与 Juditsky 1992；数值与 PyTorch 一致。",
  "PyTorch's": "与 PyTorch 相同",
  "Step size γ ≥ 0 at the start, or a function of the step.": "起始步长 γ ≥ 0，或步数的函数。",
  "λ ≥ 0: decay of the parameters and of the step size.": "λ ≥ 0：参数与步长的衰减。",
  "Power α of the step size's decay: η = γ / (1 + λγt)^α.": "步长衰减的指数 α：η = γ / (1 + λγt)^α。",
  "Step from which parameters are averaged.": "从这一步开始对参数求平均。",
  "Joins the gradient as weightDecay · θ.": "以 weightDecay · θ 的形式加入梯度。",
  "AdaGrad: steps by the gradient over the root of the sum of its squares.":
    "AdaGrad：梯度除以其平方和的根，作为一步。",
  "Duchi et al. 2011; numbers as PyTorch's.": "Duchi 等 2011；数值与 PyTorch 一致。",
  "ε outside the root (PyTorch) or inside (Keras, optax)": "ε 在根号外（PyTorch）或根号内（Keras、optax）",
  "Step size γ ≥ 0, or a function of the step.": "步长 γ ≥ 0，或步数的函数。",
  "η ≥ 0: the step size is γ / (1 + (t − 1)η).": "η ≥ 0：步长为 γ / (1 + (t − 1)η)。",
  "What the sum of squares holds before the first step.": "第一步之前平方和的取值。",
  "ε.": "ε。",
  "ε added to the root, as PyTorch and the paper, or under it, as Keras and optax.":
    "ε 加在根号外（PyTorch 与论文），或根号内（Keras 与 optax）。",
  "AdaDelta: steps by the gradient times the ratio of the roots of the mean squares of past steps and of the gradient.":
    "AdaDelta：梯度乘以“以往各步均方根与梯度均方根之比”，作为一步。",
  "Zeiler 2012; numbers as PyTorch's.": "Zeiler 2012；数值与 PyTorch 一致。",
  "Factor of the step, or a function of the step.": "步的系数，或步数的函数。",
  "Decay ρ of both means, 0 ≤ ρ < 1.": "两个均值的衰减 ρ，0 ≤ ρ < 1。",
  "Added under both roots.": "加在两个根号之内。",
  "RMSprop: steps by the gradient over the root of the mean of its squares.":
    "RMSprop：梯度除以其平方均值的根，作为一步。",
  "Hinton 2012; numbers as PyTorch's.": "Hinton 2012；数值与 PyTorch 一致。",
  "ε outside or inside; momentum as PyTorch or by difference (Keras, optax)":
    "ε 在根号外或根号内；动量按 PyTorch 的写法或按差分（Keras、optax）",
  "Decay α of the mean of squares, 0 ≤ α < 1.": "平方均值的衰减 α，0 ≤ α < 1。",
  "ε added to the root, as PyTorch, or under it, as Keras and optax.":
    "ε 加在根号外（PyTorch），或根号内（Keras 与 optax）。",
  "Takes the square of the mean from the mean of squares: Graves 2013.":
    "从平方的均值中减去均值的平方：Graves 2013。",
  "Of the steps, 0 ≤ μ < 1.": "各步的动量，0 ≤ μ < 1。",
  "How the velocity is kept, with u the gradient over the root:": "速度的记法，其中 u 为梯度除以根：",
  "b ← μb + u, θ ← θ − γb. The default, PyTorch's.": "b ← μb + u，θ ← θ − γb。默认，与 PyTorch 相同。",
  "b ← μb + γu, θ ← θ − b. Keras's and optax's; the same as the first while γ is constant, another where it changes.":
    "b ← μb + γu，θ ← θ − b。与 Keras 和 optax 相同；γ 不变时与第一种相同，γ 变化时不同。",
  "Adam: steps by the running mean of the gradient over the root of the running mean of its square.":
    "Adam：梯度的滑动均值除以其平方的滑动均值之根，作为一步。",
  "Kingma and Ba 2015; numbers as PyTorch's. Weight decay joins the gradient.":
    "Kingma 与 Ba 2015；数值与 PyTorch 一致。权重衰减加入梯度。",
  "ε behind the corrected root (PyTorch) or the plain one (Keras); AMSGrad of raw or corrected means":
    "ε 跟在校正后的根之后（PyTorch）或未校正的根之后（Keras）；AMSGrad 取未校正或校正后的均值",
  "Decay of the mean of the gradient, 0 ≤ β₁ < 1.": "梯度均值的衰减，0 ≤ β₁ < 1。",
  "Decay of the mean of its squares, 0 ≤ β₂ < 1.": "梯度平方均值的衰减，0 ≤ β₂ < 1。",
  "Added to the root.": "加在根上。",
  "λ ≥ 0: joins the gradient as λθ or, decoupled, shrinks θ by γλ beside the step.":
    "λ ≥ 0：以 λθ 加入梯度；解耦时则在这一步之外使 θ 缩小 γλ。",
  "Where ε stands:": "ε 的位置：",
  "√v̂ + ε, with v̂ bias-corrected. The default; the paper's, PyTorch's and optax's.":
    "√v̂ + ε，v̂ 经偏差校正。默认；与论文、PyTorch 和 optax 相同。",
  "√v + ε, with both corrections in the step size. The paper's efficient form, Keras's and TensorFlow's.":
    "√v + ε，两个校正都放在步长里。论文中的高效形式，与 Keras 和 TensorFlow 相同。",
  'AMSGrad, Reddi et al. 2018: the largest v so far in place of v. "raw": the largest uncorrected one, as PyTorch and Keras; "corrected": the largest bias-corrected one, as optax.':
    'AMSGrad，Reddi 等 2018：用至今最大的 v 代替 v。"raw"：最大的未校正值，与 PyTorch 和 Keras 相同；"corrected"：最大的校正值，与 optax 相同。',
  "Adam with decoupled weight decay, by default 0.01: θ shrinks by γλ beside the step.":
    "解耦权重衰减的 Adam，衰减默认 0.01：在这一步之外使 θ 缩小 γλ。",
  "Loshchilov and Hutter 2019; numbers as PyTorch's.": "Loshchilov 与 Hutter 2019；数值与 PyTorch 一致。",
  "as `adam`": "同 `adam`",
  "Adamax: Adam with the largest gradient in place of the root of squares.":
    "Adamax：用最大的梯度代替平方根的 Adam。",
  "Kingma and Ba 2015, section 7. Default learning rate: 0.002.":
    "Kingma 与 Ba 2015，第 7 节。默认学习率：0.002。",
  "ε joins the gradient (PyTorch) or the norm (Keras)": "ε 加入梯度（PyTorch）或范数（Keras）",
  '"torch": u = max(β₂u, |g| + ε). "keras": u = max(β₂u, |g|), and a division by u + ε.':
    '"torch"：u = max(β₂u, |g| + ε)。"keras"：u = max(β₂u, |g|)，再除以 u + ε。',
  "NAdam: Adam that looks ahead along its mean, as Nesterov.": "NAdam：像 Nesterov 那样沿均值向前看的 Adam。",
  "Dozat 2016; numbers as PyTorch's. Keras's: momentumDecay 1; optax's, whose momentum is β₁ from the first step: any very large one, such as 1e6. Default learning rate: 0.002.":
    "Dozat 2016；数值与 PyTorch 一致。Keras 的写法：momentumDecay 取 1；optax 的动量从第一步起就是 β₁：取任意很大的值，如 1e6。默认学习率：0.002。",
  "PyTorch's; Keras's and optax's by the momentum's decay":
    "与 PyTorch 相同；改变动量的衰减即得 Keras 与 optax 的写法",
  "ψ ≥ 0: how fast the momentum nears β₁.": "ψ ≥ 0：动量趋近 β₁ 的快慢。",
  "NAdam with decoupled weight decay, by default 0.01; PyTorch's with decoupled_weight_decay.":
    "解耦权重衰减的 NAdam，衰减默认 0.01；即 PyTorch 的 decoupled_weight_decay。",
  "Default learning rate: 0.002.": "默认学习率：0.002。",
  "decay beside the step": "衰减在这一步之外进行",
  "RAdam: Adam that steps by the mean alone until the root has settled.":
    "RAdam：在根稳定之前只按均值走步的 Adam。",
  "Liu et al. 2020; numbers as PyTorch's.": "Liu 等 2020；数值与 PyTorch 一致。",
  "ε as PyTorch or as optax": "ε 按 PyTorch 或 optax 的写法",
  "Weight decay shrinks the parameters instead of joining the gradient.":
    "权重衰减使参数缩小，而不加入梯度。",
  "Where ε stands: √v + ε, as the authors' code and PyTorch, or √v̂ + ε, as optax.":
    "ε 的位置：√v + ε（作者的代码与 PyTorch），或 √v̂ + ε（optax）。",
  "AdaBelief: Adam with the gradient's distance from its mean in place of the gradient under the root.":
    "AdaBelief：根号内用梯度与其均值之差代替梯度的 Adam。",
  "Zhuang et al. 2020, without the rectification that the authors' code has beside; numbers as theirs and optax's. Default ε: 1e-16.":
    "Zhuang 等 2020，不含作者代码中另有的修正；数值与作者及 optax 一致。默认 ε：1e-16。",
  "ε inside and outside the root": "ε 在根号内与根号外",
  "Added to the mean of squares at each step, and stays in it.": "每一步都加到平方均值上，并留在其中。",
  ε: "ε",
  "Yogi: Adam whose mean of squares moves by (1 − β₂)g² whatever its distance.":
    "Yogi：平方均值无论相距多远都只移动 (1 − β₂)g² 的 Adam。",
  "Zaheer et al. 2018. Defaults: learning rate 0.01, ε 0.001.":
    "Zaheer 等 2018。默认：学习率 0.01，ε 0.001。",
  "optax's or Keras's start and ε": "optax 或 Keras 的起始值与 ε",
  "What the mean of squares holds before the first step.": "第一步之前平方均值的取值。",
  "√v̂ + ε, with v̂ bias-corrected, and the mean of the gradient begins where that of squares does. The default.":
    "√v̂ + ε，v̂ 经偏差校正，梯度均值与平方均值从同一值开始。默认。",
  "√v + ε, with both corrections in the step size, and the mean of the gradient begins at 0. TensorFlow Addons'.":
    "√v + ε，两个校正都放在步长里，梯度均值从 0 开始。与 TensorFlow Addons 相同。",
  "AdEMAMix: AdamW with a second, slow mean that is not bias-corrected.":
    "AdEMAMix：带第二个慢均值的 AdamW，慢均值不作偏差校正。",
  "Pagliardini et al. 2024; its schedules of α and β₃ are functions of the step. Weight decay is decoupled.":
    "Pagliardini 等 2024；其中 α 与 β₃ 的日程是步数的函数。权重衰减解耦。",
  "schedules of α and β₃": "α 与 β₃ 的日程",
  "Decay of the slow mean, 0 ≤ β₃ < 1, or a function of the step.":
    "慢均值的衰减，0 ≤ β₃ < 1，或步数的函数。",
  "Weight of the slow mean, or a function of the step.": "慢均值的权重，或步数的函数。",
  "ADOPT: Adam that scales the gradient by the squares before it, and takes its mean after scaling; it converges with any β₂.":
    "ADOPT：用此前的平方缩放梯度、缩放之后再取均值的 Adam；对任意 β₂ 都收敛。",
  "Taniguchi et al. 2024. The first step only learns the squares. Defaults: β₂ 0.9999, ε 1e-6.":
    "Taniguchi 等 2024。第一步只学习平方。默认：β₂ 0.9999，ε 1e-6。",
  "the authors' clip, or another": "作者的截断，或另设",
  "Limit of the scaled gradient, or a function of the step.": "缩放后梯度的上限，或步数的函数。",
  "the step's fourth root, as the authors": "步数的四次方根，与作者相同",
  "Adan: Adam with a mean of the gradient's change, looking ahead as Nesterov.":
    "Adan：带梯度变化之均值、像 Nesterov 那样向前看的 Adam。",
  "Xie et al. 2022, with decays as the authors' code and optax write them: 1 minus those of the paper.":
    "Xie 等 2022，衰减的写法与作者代码和 optax 相同：为 1 减去论文中的值。",
  "the authors' or optax's": "作者或 optax 的写法",
  "Decay of the mean of the gradient.": "梯度均值的衰减。",
  "Decay of the mean of its change.": "梯度变化均值的衰减。",
  "Decay of the mean of squares.": "平方均值的衰减。",
  "Added to the mean of squares under the root.": "加在根号内的平方均值上。",
  "λ ≥ 0, see `convention`.": "λ ≥ 0，见 `convention`。",
  "How far it looks ahead along the gradient's change, and how weights decay:":
    "沿梯度的变化向前看多远，以及权重如何衰减：",
  "by β₂ of it; after the step θ is divided by 1 + γλ. The default: the paper and its authors' code.":
    "看 β₂ 倍；走步之后 θ 除以 1 + γλ。默认：论文与作者的代码。",
  "by 1 − β₂ of it; θ shrinks by γλ beside the step.": "看 1 − β₂ 倍；在这一步之外使 θ 缩小 γλ。",
  "Lion: steps by the sign of a mean of the gradient.": "Lion：按梯度均值的符号走步。",
  "Chen et al. 2023.": "Chen 等 2023。",
  "Share of the mean in the direction, 0 ≤ β₁ < 1.": "均值在方向中的份额，0 ≤ β₁ < 1。",
  "Decay of the mean, 0 ≤ β₂ < 1.": "均值的衰减，0 ≤ β₂ < 1。",
  "λ ≥ 0: θ shrinks by γλ beside the step.": "λ ≥ 0：在这一步之外使 θ 缩小 γλ。",
  "signSGD: steps by the sign of the gradient.": "signSGD：按梯度的符号走步。",
  "Bernstein et al. 2018.": "Bernstein 等 2018。",
  "Rprop: a step size for each parameter, which grows while the gradient keeps its sign; for whole batches.":
    "Rprop：每个参数各有步长，梯度符号不变时增长；用于整批数据。",
  "Riedmiller and Braun 1993; numbers as PyTorch's.": "Riedmiller 与 Braun 1993；数值与 PyTorch 一致。",
  "Step of each parameter at the start.": "每个参数起始的步长。",
  "How much shorter and longer a step becomes, 0 < shorter < 1 < longer.":
    "步长缩短与增长的倍数，0 < 缩短 < 1 < 增长。",
  "The shortest and the longest step.": "最短与最长的步长。",
  "LARS: SGD with momentum whose step is scaled, tensor by tensor, to a share of the tensor's norm.":
    "LARS：带动量的 SGD，每一步按张量缩放到该张量范数的一定份额。",
  "You et al. 2017; in optax's order: the step is scaled by ratio and learning rate before it joins the velocity.":
    "You 等 2017；按 optax 的次序：步先按比率和学习率缩放，再加入速度。",
  "the paper's or optax's ratio": "论文或 optax 的比率",
  "0 ≤ μ < 1.": "0 ≤ μ < 1。",
  "Looks ahead along the velocity.": "沿速度方向向前看。",
  "λ ≥ 0: u = g + λθ.": "λ ≥ 0：u = g + λθ。",
  "How far a tensor may move, as a share of its norm.": "张量可以移动多远，以其范数的份额计。",
  "Added to the norm of the step.": "加在步的范数上。",
  "What the tensor's norm is divided by:": "张量的范数除以什么：",
  "‖g + λθ‖. The default, optax's.": "‖g + λθ‖。默认，与 optax 相同。",
  "‖g‖ + λ‖θ‖, the paper's.": "‖g‖ + λ‖θ‖，与论文相同。",
  "LAMB: Adam's direction, scaled tensor by tensor to the tensor's norm.":
    "LAMB：Adam 的方向，按张量缩放到该张量的范数。",
  "You et al. 2020; numbers as optax's.": "You 等 2020；数值与 optax 一致。",
  "optax's": "与 optax 相同",
  "λ ≥ 0: λθ joins the direction before the ratio.": "λ ≥ 0：λθ 在求比率之前加入方向。",
  "NovoGrad: momentum of the gradient over the root of a mean of its squared norm, tensor by tensor.":
    "NovoGrad：梯度除以其范数平方均值之根，再取动量，逐张量进行。",
  "Ginsburg et al. 2019; numbers as optax's.": "Ginsburg 等 2019；数值与 optax 一致。",
  "Decay of the velocity, 0 ≤ β₁ < 1.": "速度的衰减，0 ≤ β₁ < 1。",
  "Decay of the mean of squared norms, 0 ≤ β₂ < 1.": "范数平方均值的衰减，0 ≤ β₂ < 1。",
  "λ ≥ 0: λθ joins the scaled gradient.": "λ ≥ 0：λθ 加入缩放后的梯度。",
  "Adafactor: a step by the gradient over the root of a mean of its squares, which of a matrix only the means of rows and columns are kept; clipped, and in proportion to the tensor.":
    "Adafactor：梯度除以其平方均值之根，矩阵只保存各行与各列的均值；经截断，并与张量大小成比例。",
  "Shazeer and Stern 2018; numbers and form as PyTorch's, or as optax's.":
    "Shazeer 与 Stern 2018；数值与形式同 PyTorch，或同 optax。",
  "PyTorch's or optax's": "PyTorch 或 optax 的写法",
  "γ ≥ 0, or a function of the step; see `convention`.": "γ ≥ 0，或步数的函数；见 `convention`。",
  "τ ≤ 0: the mean of squares decays by β₂ = 1 − t^τ.": "τ ≤ 0：平方均值按 β₂ = 1 − t^τ 衰减。",
  "ε₁ ≥ 0, see `convention`.": "ε₁ ≥ 0，见 `convention`。",
  "2⁻²³ as PyTorch, or 1e-30 as optax": "PyTorch 写法为 2⁻²³，optax 写法为 1e-30",
  "ε₂ ≥ 0: steps are in proportion to a tensor's root mean square, but at least to this.":
    "ε₂ ≥ 0：步与张量的均方根成比例，但至少为此值。",
  "d ≥ 1: the root mean square that a tensor's direction may have.": "d ≥ 1：张量方向的均方根的上限。",
  "Decay of a running mean of the steps, 0 ≤ β < 1; 0: none is kept.":
    "各步滑动均值的衰减，0 ≤ β < 1；0：不保存。",
  "A tensor is factored where its two factored axes are at least so long.":
    "张量的两个分解轴至少这么长时才分解。",
  "1 as PyTorch, or 128 as optax": "PyTorch 写法为 1，optax 写法为 128",
  "steps of min(γ, 1/√t); θ shrinks by γλ; roots are at least ε₁; the last two axes are factored. The default.":
    "步长为 min(γ, 1/√t)；θ 缩小 γλ；根至少为 ε₁；分解最后两个轴。默认。",
  "steps of γ; θ shrinks by λ, whatever γ; squares have ε₁ added; the two longest axes are factored.":
    "步长为 γ；θ 缩小 λ，与 γ 无关；平方加上 ε₁；分解最长的两个轴。",
  "SM3-II: AdaGrad whose sum of squares is known by its largest along each axis.":
    "SM3-II：平方和由沿每个轴的最大值得知的 AdaGrad。",
  "Anil et al. 2019; form and numbers as optax's, which has no default learning rate.":
    "Anil 等 2019；形式与数值同 optax，optax 没有默认学习率。",
  "γ ≥ 0, or a function of the step.": "γ ≥ 0，或步数的函数。",
  "Decay of the mean of the directions, 0 ≤ β < 1.": "方向均值的衰减，0 ≤ β < 1。",
  "Added under the root.": "加在根号内。",
  "FTRL-Proximal, for sparse linear models: AdaGrad's steps, with an L1 penalty that gives exact zeros.":
    "FTRL-Proximal，用于稀疏线性模型：AdaGrad 的步，加上能给出精确零值的 L1 惩罚。",
  "McMahan et al. 2013; numbers as Keras's. The weights follow from the gradients alone: of the initial ones the first step leaves (initialSum / (initialSum + g²))ᵖ, as in Keras; the paper begins at 0.":
    "McMahan 等 2013；数值与 Keras 一致。权重只由梯度决定：第一步之后初始权重只剩 (initialSum / (initialSum + g²))ᵖ，与 Keras 相同；论文从 0 开始。",
  "Keras's": "与 Keras 相同",
  "γ > 0, or a function of the step.": "γ > 0，或步数的函数。",
  "p ≥ 0: steps fall as the sum of squares to the power −p.": "p ≥ 0：步随平方和的 −p 次幂减小。",
  "The sum of squares at the start, ≥ 0.": "平方和的起始值，≥ 0。",
  "λ₁ ≥ 0: weights whose evidence is no more than this are exactly 0.":
    "λ₁ ≥ 0：依据不超过此值的权重恰为 0。",
  "λ₂ ≥ 0: holds the weights down, λ₂‖θ‖² for all steps together.": "λ₂ ≥ 0：压低权重，所有步合计 λ₂‖θ‖²。",
  "s ≥ 0: the gradient of s‖θ‖², joined to that of each step.": "s ≥ 0：s‖θ‖² 的梯度，加入每一步的梯度。",
  "β ≥ 0 of the paper: shortens the first steps.": "论文中的 β ≥ 0：缩短最初几步。",
  "Muon for the matrices and AdamW for all other parameters, as muon's authors train.":
    "矩阵用 Muon，其余参数用 AdamW，与 Muon 作者的训练方式相同。",
  "PyTorch's scale or AdamW's size": "PyTorch 的缩放，或 AdamW 的大小",
  "For the matrices.": "用于矩阵。",
  "For everything else.": "用于其余一切。",
  "Matrices that AdamW shall have too, as of embeddings and of the last layer.":
    "也交给 AdamW 的矩阵，如嵌入层与最后一层。",
  none: "无",
  "Muon: a running mean of a matrix's gradient, made orthogonal by Newton and Schulz's iteration.":
    "Muon：矩阵梯度的滑动均值，用 Newton–Schulz 迭代化为正交。",
  "Jordan et al. 2024; numbers as PyTorch's, which iterates in bfloat16 where this does in 32 bits. A weight here is [inputs, outputs], in PyTorch [outputs, inputs]: the steps are the same, transposed. Only for matrices of hidden layers: everything else wants another optimizer, see `muonWithAdamW` and `parameterGroups`.":
    "Jordan 等 2024；数值与 PyTorch 一致，PyTorch 用 bfloat16 迭代，这里用 32 位。这里的权重是 [inputs, outputs]，PyTorch 中是 [outputs, inputs]：步相同，只是转置。只用于隐藏层的矩阵：其余一切需要别的优化器，见 `muonWithAdamW` 与 `parameterGroups`。",
  "`muon` takes matrices only": "`muon` 只接受矩阵",
  "0 ≤ μ < 1: B ← μB + (1 − μ)g.": "0 ≤ μ < 1：B ← μB + (1 − μ)g。",
  "Takes μB + (1 − μ)g in place of B.": "用 μB + (1 − μ)g 代替 B。",
  "a, b, c of the iteration X ← aX + (bA + cA²)X with A = XXᵀ.":
    "迭代 X ← aX + (bA + cA²)X 中的 a、b、c，其中 A = XXᵀ。",
  "Iterations, 0 to 99.": "迭代次数，0 到 99。",
  "The least norm that a matrix is divided by.": "矩阵所除的范数的下限。",
  "How the step depends on the shape, [inputs, outputs]:": "步如何取决于形状 [inputs, outputs]：",
  "γ √max(1, outputs/inputs). Jordan et al. 2024. The default.":
    "γ √max(1, outputs/inputs)。Jordan 等 2024。默认。",
  "0.2 γ √max(inputs, outputs), for learning rates found for AdamW. Liu et al. 2025.":
    "0.2 γ √max(inputs, outputs)，适用于为 AdamW 找到的学习率。Liu 等 2025。",
  "Shampoo: L ← L + GGᵀ, R ← R + GᵀG, and steps along L^(−1/4) G R^(−1/4), with the length of another optimizer's.":
    "Shampoo：L ← L + GGᵀ，R ← R + GᵀG，沿 L^(−1/4) G R^(−1/4) 走步，长度取自另一个优化器。",
  "Gupta et al. 2018, Anil et al. 2020; form as the authors' PyTorch port, with Nesterov's momentum as it is published and the ridge by the trace. The roots are taken at each step, by 100 products of matrices as large as L and as R: a step costs many times one of Adam.":
    "Gupta 等 2018、Anil 等 2020；形式同作者的 PyTorch 移植，Nesterov 动量按其发表的形式，岭按迹计。每一步都求根，要作 100 次与 L、R 同样大小的矩阵乘积：一步的开销是 Adam 的许多倍。",
  "grafting on SGD, AdaGrad or nothing": "嫁接到 SGD、AdaGrad，或不嫁接",
  "Decay of L and R, 0 < β ≤ 1; 1: they are sums.": "L 与 R 的衰减，0 < β ≤ 1；取 1 时为累加和。",
  "λ ≥ 0: λθ joins the direction.": "λ ≥ 0：λθ 加入方向。",
  "Whose length a tensor's direction gets: that of the gradient, of AdaGrad's, or its own.":
    "张量的方向取谁的长度：梯度的、AdaGrad 的，或它自己的。",
  "Added to L and R before their roots, as a share of their trace.":
    "求根之前加到 L 与 R 上，以其迹的份额计。",
  "Newton iterations for a root.": "求根的 Newton 迭代次数。",
  "Matrices with a longer axis keep the direction of their gradient, as all other tensors do.":
    "有更长的轴的矩阵保持其梯度的方向，其他张量也都如此。",
  "SOAP: Adam in the eigenbasis of Shampoo's L = Σ GGᵀ and R = Σ GᵀG.":
    "SOAP：在 Shampoo 的 L = Σ GGᵀ 与 R = Σ GᵀG 的特征基中的 Adam。",
  "Vyas et al. 2024, form and numbers of the authors' code: the first step only finds a basis; vectors, and axes that are too long, have none. Other than theirs: m is kept unturned, which comes to the same; the first basis is found by orthogonal iterations from the identity instead of an eigendecomposition; the ridge keeps directions without gradients where they are, which rounding would turn at will. L and R take two products a step and what is turned six, each of the gradient by a square as long as one of its axes; every k-th step a basis takes about 4n³ operations of one thread besides, and the first step ten times that.":
    "Vyas 等 2024，形式与数值同作者的代码：第一步只求基；向量以及过长的轴没有基。与作者不同之处：m 保持不转，结果相同；第一个基由单位阵出发的正交迭代求得，而不用特征分解；岭使没有梯度的方向保持原位，否则舍入会任意转动它们。L 与 R 每步各需两次乘积，被转动的量需六次，都是梯度乘以与其一轴等长的方阵；每 k 步，一个基另需单线程约 4n³ 次运算，第一步为其十倍。",
  "the authors', with a ridge; the first basis by iterations": "与作者相同，加岭；第一个基由迭代求得",
  "0 ≤ β₁ < 1.": "0 ≤ β₁ < 1。",
  "0 ≤ β₂ < 1.": "0 ≤ β₂ < 1。",
  "0 ≤ β < 1, decay of L and R.": "0 ≤ β < 1，L 与 R 的衰减。",
  "β₂": "β₂",
  "ε > 0, outside the root of the uncorrected v.": "ε > 0，在未校正的 v 的根号外。",
  "λ ≥ 0: θ shrinks by γλ behind the step.": "λ ≥ 0：走步之后使 θ 缩小 γλ。",
  "Steps between two turns of the basis, a positive integer.": "两次转动基之间的步数，正整数。",
  "Iterations that make the first basis, a positive integer.": "求第一个基的迭代次数，正整数。",
  "Share of its trace that is added to L and R while the basis turns.":
    "转动基时加到 L 与 R 上的量，以其迹的份额计。",
  "A longer axis of a matrix is not turned.": "矩阵中更长的轴不转动。",
  "Sophia-G: θ ← θ − γ(clip(m / (ρh + ε), ±1) + λθ), where m is the gradients' running mean and h that of Bĝ², with B the batch size and ĝ the cross-entropy's gradient with labels that the model draws: Gauss, Newton and Bartlett's estimate of the curvature.":
    "Sophia-G：θ ← θ − γ(clip(m / (ρh + ε), ±1) + λθ)，其中 m 是梯度的滑动均值，h 是 Bĝ² 的滑动均值，B 为批大小，ĝ 为标签由模型抽取时交叉熵的梯度：即曲率的 Gauss–Newton–Bartlett 估计。",
  "Liu et al. 2023, form and numbers of the authors' code; they estimate by the batch behind, here it is the same batch, at the new parameters. The estimate is the last thing in every k-th step, and the others do not pay for it; until the first there is no curvature, and steps go by the sign of m. For models that softmaxCrossEntropy trains: the estimate takes the outputs for its logits. A clip before it clips g, not ĝ.":
    "Liu 等 2023，形式与数值同作者的代码；作者用前一批估计，这里用同一批，取新参数处的值。估计是每 k 步中最后做的事，其余各步不付代价；第一次估计之前没有曲率，按 m 的符号走步。用于以 softmaxCrossEntropy 训练的模型：估计把输出当作其 logits。放在它前面的截断只截断 g，不截断 ĝ。",
  "the authors', with the curvature of the step's own batch": "与作者相同，曲率取自本步的批",
  "0 ≤ β₁ < 1, decay of the momentum.": "0 ≤ β₁ < 1，动量的衰减。",
  "0 ≤ β₂ < 1, decay of the curvature, an estimate at a time.": "0 ≤ β₂ < 1，曲率的衰减，每次估计一次。",
  "ρ > 0: larger ones bound fewer numbers.": "ρ > 0：越大，受限的数越少。",
  "k, steps between two estimates of the curvature, a positive integer.":
    "k，两次曲率估计之间的步数，正整数。",
  "Gradient descent that needs no falling learning rate: z steps, x is its average, and gradients are taken at y between the two.":
    "不需要下降学习率的梯度下降：z 走步，x 是它的平均，梯度在两者之间的 y 处求取。",
  "What is trained is y, and a model is to be evaluated and saved at x: see `average` of `train`, and `Trainer.average`. Defazio et al. 2024; numbers as the authors'.":
    "被训练的是 y，评估与保存模型应取 x：见 `train` 的 `average` 与 `Trainer.average`。Defazio 等 2024；数值与作者一致。",
  "the authors'": "与作者相同",
  "0 < β < 1: y = (1 − β)z + βx.": "0 < β < 1：y = (1 − β)z + βx。",
  "λ ≥ 0: λy joins the direction.": "λ ≥ 0：λy 加入方向。",
  "Steps over which γ rises in a line.": "γ 线性上升的步数。",
  "r ≥ 0: a step counts in the average by its number to this power.":
    "r ≥ 0：每一步在平均中按其序号的 r 次幂计。",
  "A step counts in the average by the largest γ so far to this power, ≥ 0.":
    "每一步在平均中按至今最大的 γ 的此次幂计，≥ 0。",
  "AdamW that needs no falling learning rate: as `scheduleFreeSgd`, with steps by g / (√v + ε); √(1 − β₂ᵗ) is in γ.":
    "不需要下降学习率的 AdamW：同 `scheduleFreeSgd`，步为 g / (√v + ε)；√(1 − β₂ᵗ) 并入 γ。",
  "A model is to be evaluated and saved at x: see `average` of `train`, and `Trainer.average`. Defazio et al. 2024; numbers as the authors'. Default learning rate: 0.0025.":
    "评估与保存模型应取 x：见 `train` 的 `average` 与 `Trainer.average`。Defazio 等 2024；数值与作者一致。默认学习率：0.0025。",
  "Decay of the mean of squares, 0 ≤ β₂ < 1.": "平方均值的衰减，0 ≤ β₂ < 1。",
  "DoG: gradient descent whose step size is the largest distance from the start so far over the root of the sum of squared gradient norms.":
    "DoG：步长为至今离起点的最大距离除以梯度范数平方和之根的梯度下降。",
  "Ivgi et al. 2023; numbers as the authors'. They evaluate at an average of the weights.":
    "Ivgi 等 2023；数值与作者一致。作者在权重的平均处评估。",
  "over all or layer by layer": "整体，或逐层",
  "Multiplies the step size found, ≥ 0; a number, or a function of the step.":
    "乘在求得的步长上，≥ 0；一个数，或步数的函数。",
  "The first step goes this times 1 + ‖θ₀‖ far.": "第一步走此值乘以 1 + ‖θ₀‖ 那么远。",
  "Added to the sum of squares.": "加在平方和上。",
  "A step size for each tensor, as the authors' LDoG, or one for all.":
    "每个张量各有步长（作者的 LDoG），或全体共用一个。",
  "DoWG: gradient descent whose step size is the largest squared distance from the start so far over the root of a sum of squared gradient norms, weighted by it.":
    "DoWG：步长为至今离起点的最大距离的平方除以“以其加权的梯度范数平方和之根”的梯度下降。",
  "Khaled et al. 2023; numbers as optax's.": "Khaled 等 2023；数值与 optax 一致。",
  "The squared distance before the first step, > 0.": "第一步之前距离的平方，> 0。",
  "`epsilon`": "`epsilon`",
  "Gradient descent by D-Adaptation: it finds its step size.": "D-Adaptation 梯度下降：自己找到步长。",
  "Weight decay joins the gradient. Defazio and Mishchenko 2023; numbers as the authors'. d is of the parameters of one group; the authors share it between groups.":
    "权重衰减加入梯度。Defazio 与 Mishchenko 2023；数值与作者一致。d 属于一组参数；作者在各组之间共用。",
  "λ ≥ 0, see each.": "λ ≥ 0，见各自说明。",
  "d before the first step, > 0.": "第一步之前的 d，> 0。",
  "How much d may grow in a step, ≥ 1.": "d 在一步之内最多增长多少倍，≥ 1。",
  "without limit": "无限制",
  "0 ≤ β < 1.": "0 ≤ β < 1。",
  "Adam by D-Adaptation: it finds its step size.": "D-Adaptation 的 Adam：自己找到步长。",
  "Weight decay joins the gradient, by default. Defazio and Mishchenko 2023; numbers as the authors'; optax corrects the bias. d is of the parameters of one group; the authors share it.":
    "权重衰减默认加入梯度。Defazio 与 Mishchenko 2023；数值与作者一致；optax 校正偏差。d 属于一组参数；作者共用。",
  "Weight decay shrinks the parameters beside the step, or joins the gradient.":
    "权重衰减在这一步之外使参数缩小，或加入梯度。",
  "see each": "见各自说明",
  "Corrects the running means for their start at zero.": "校正滑动均值从零开始带来的偏差。",
  "Prodigy: Adam that finds its step size, sooner than D-Adaptation.":
    "Prodigy：自己找到步长的 Adam，比 D-Adaptation 更快。",
  "Weight decay shrinks the parameters, by default. Mishchenko and Defazio 2024; numbers as the authors'; optax corrects the bias. d is of the parameters of one group; the authors share it.":
    "权重衰减默认使参数缩小。Mishchenko 与 Defazio 2024；数值与作者一致；optax 校正偏差。d 属于一组参数；作者共用。",
  "bias correction by option": "偏差校正可选",
  "Decay of the sums that d is found from, 0 ≤ β₃ < 1.": "求 d 所用各和的衰减，0 ≤ β₃ < 1。",
  "√β₂": "√β₂",
  "Multiplies what is found for d, ≥ 0: the way to longer or shorter steps.":
    "乘在求得的 d 上，≥ 0：由此得到更长或更短的步。",
  "Leaves the learning rate out of the sum that d is divided by, for a warm-up.":
    "求 d 时作除数的和不含学习率，用于预热。",
  "Gradient descent with Polyak's step size (f − f*) / (‖g‖² + ε), of the loss f of the batch.":
    "采用 Polyak 步长 (f − f*) / (‖g‖² + ε) 的梯度下降，f 为该批的损失。",
  'Loizou et al. 2021, "sps+": Garrigos et al. 2023; numbers as optax\'s. Behind a transform of the gradient, ‖g‖ is that of what it has made.':
    'Loizou 等 2021，"sps+"：Garrigos 等 2023；数值与 optax 一致。放在改变梯度的变换之后时，‖g‖ 是变换结果的范数。',
  "SPS, SPS+": "SPS、SPS+",
  "The largest step size, before `learningRate`.": "最大的步长，在乘 `learningRate` 之前。",
  "f*: what the loss is at best.": "f*：损失可能的最小值。",
  "Added to the squared norm.": "加在范数的平方上。",
  '"sps+" takes no step where the loss is below `leastLoss`; "sps" steps back there.':
    '"sps+" 在损失低于 `leastLoss` 时不走步；"sps" 则往回走。',
};
