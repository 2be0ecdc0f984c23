// What the page Learn says, in Chinese.
import type { Words } from "./learn.en.ts";
import { sources } from "./optimizers.zh.ts";
import { zh as race } from "./race.zh.ts";

export const zh: Words = {
  title: "学习",
  intro:
    "库中的每一个优化器：一步之内做什么，各个参数起什么作用，出自何处，又是怎样走的。转动一个参数，路径立即重画。",
  list: "优化器",
  choose: "优化器",
  formula: "一步",
  formulaHint: "g 是梯度，θ 是被训练的参数，t 是步数；运算逐元素进行。",
  facts: "说明",
  paper: "论文",
  conventions: "约定",
  code: "源码",
  codeAt: (file, line) => `src/optim/${file}，第 ${line} 行`,
  example: "写在程序里",
  picture: "怎样走",
  knobs: "参数",
  asFirst: "恢复初始设置",
  asLibrary: "使用库的默认值",
  surface: race.surface,
  surfaces: race.surfaces,
  steps: race.steps,
  startLabel: race.startLabel,
  startHint: race.startHint,
  automatic: race.automatic,
  defaultIs: (value) => `默认：${value}。`,
  needs: {
    plane: "它处理矩阵，因此走在一个线性回归的损失上：一个有两个权重的矩阵。",
    line: "它把矩阵与其余参数分开，因此走在一条直线的损失上：斜率是交给 Muon 的矩阵，截距是交给 AdamW 的数。",
    logistic: "它需要模型自己抽取标签，因此走在一个有两个权重的分类模型的损失上。",
  },
  description: (name, surface, summary) => `${surface}的等高线与 ${name} 的路径。${summary}`,
  summary: (steps, x, y, value) => `${steps} 步之后位于 ${x}，${y}，值为 ${value}。`,
  arrived: (step) => `第 ${step} 步到达极小点附近。`,
  diverged: (step) => `第 ${step} 步数值溢出。`,
  failed: "无法这样走：",
  sources,
};
