// Every optimizer with its facts, in the order of the library's page about them.
export { optimizers } from "virtual:optimizers";
