// The contract between the host and the kernels: where things lie and what the words mean.
// The only file that both sides read, so it holds plain integers and nothing else.

/** One instruction is one cache line of 16 words: kernel slot, fused count, 14 operands. */
export const INSTRUCTION_BYTES = 64;
/** Words of an instruction before its operands. */
export const INSTRUCTION_HEAD = 2;
/** Words of an instruction that hold operands. */
export const INSTRUCTION_OPERANDS = 14;
/** The slot that is no kernel: threads meet here. */
export const SLOT_BARRIER = 0;

/** Every region and buffer begins on a cache line. */
export const ALIGNMENT = 64;
/** Elements that one thread takes at a time of an elementwise pass: one cache line, so no two threads write the same line. */
export const GRAIN = 16;
/** Elements of a fused group that pass through it together: each value inside the group then lies in the first-level cache. */
export const BLOCK = 1024;
/** Elements that one partial result of a two-stage reduction covers. */
export const REDUCE_BLOCK = 4096;
/** Up to so many terms a sum, a product with its first operand transposed can pass its rows on before they reach memory. */
export const FEW_TERMS = 4;
/** Elements that an update kernel takes a turn. */
export const UPDATE_TURN = 8;
/** Vectors that an update kernel can change beside the parameters. */
export const UPDATE_STATES = 8;
/**
 * Where each thread's scratch begins it has room of its own: an update completes in it what is less than a turn, an
 * elementwise kernel what is less than a vector, and repeats there what is broadcast.
 */
export const ROOM_BYTES = 1792;
/** The most packing memory a matrix product needs in each thread, whatever its sizes; a multiple of a cache line. */
export const MATMUL_SCRATCH_BYTES = 579_008;
/** Units of a recurrent layer are padded in scratch to a multiple of this, the widest panel. */
export const RECURRENT_PAD = 16;
/** Rows of scratch that a recurrence needs, each of the padded units and a cache line. */
export const RECURRENT_SCRATCH_ROWS = 72;
/** Up to so many rows of a batch, a recurrence packs no panels. */
export const RECURRENT_THIN_ROWS = 3;
/** The same of a convolution, with a tile of C. */
export const CONVOLUTION_SCRATCH_BYTES = 591_680;
/** Bytes of the table that tells a kernel where patches lie: one for each phase of a strided gradient. */
export const PATCHES_BYTES = 96;

/** Queries, and keys, whose scores an attention kernel has in scratch at a time; a multiple of 16. */
export const ATTENTION_BLOCK = 64;

/** Columns of a panel of weights of bytes; before its weights stand what its columns start, and end, with. */
export const PANEL_COLUMNS = 8;
export const PANEL_HEAD = 160;
/** 8 integers that the sums start from, 8 floats that they are multiplied by, 8 that are added. */
export const HEAD_START = 0;
export const HEAD_SCALE = 32;
export const HEAD_OFFSET = 64;
/** A vector of 16-bit ones, the bounds of a result of bytes, and 1.5 · 2²³, which rounds floats. */
export const HEAD_ONES = 96;
export const HEAD_LEAST = 112;
export const HEAD_MOST = 116;
export const HEAD_MAGIC = 120;
/** Four bytes: whether no sum of the panel, as a number, comes near 2²², and the bounds once more. */
export const HEAD_QUICK = 124;
/** The sums of each column's weights, which a zero point known only while running is multiplied by. */
export const HEAD_SUMS = 128;
/** Rows of a product of bytes that are copied at a time take at most so many bytes, or are this few. */
export const BYTES_BLOCK = 12_288;
export const BYTES_ROWS = 5;
/** Bytes of the sums of a tile of these rows, on lines of their own. */
export const BYTES_SUMS = 192;
/** Rows that a recurrence on bytes takes through all of time together. */
export const RECURRENT_BYTES_ROWS = 10;
/** Bytes of the numbers that its cells compute with, in front of its panels. */
export const RECURRENT_NUMBERS = 128;
/** Values of minimal filtering on bytes that are made at a time take about so many bytes. */
export const WINOGRAD_BYTES = 28_672;
/** Lines of an image that meet each other in a depthwise product of bytes. */
export const DEPTHWISE_LINES = 4;
/** Terms of a product by half bytes that share a scale, and rows that meet them together. */
export const HALF_BLOCK = 32;
export const HALF_ROWS = 4;

// Control words: fixed byte addresses in every memory. Words that different threads write lie on lines of their own.
/** The host adds one to start a run; workers wait on it. */
export const CONTROL_RUN = 1024;
/** Address of the program to run. */
export const CONTROL_PROGRAM = 1088;
/** Bytes of its instructions. */
export const CONTROL_LENGTH = 1092;
/** How many steps to run. */
export const CONTROL_STEPS = 1096;
/** Address and size of one thread's scratch; the threads' scratches follow each other. */
export const CONTROL_SCRATCH = 1100;
export const CONTROL_SCRATCH_BYTES = 1104;
/** Threads that have reached the barrier. */
export const CONTROL_ARRIVED = 1152;
/** Barriers passed so far; threads wait on it. */
export const CONTROL_GENERATION = 1216;
/** Threads asleep at the barrier, so that nobody pays for waking where nobody sleeps. */
export const CONTROL_SLEEPERS = 1280;
/** 1 tells the workers to end. */
export const CONTROL_QUIT = 1344;
/** Workers that have ended because they were told to. */
export const CONTROL_LEFT = 1408;

// What a call into the module answers.
/** Every step is done. */
export const STATUS_DONE = 0;
/** A barrier took long, or as many instructions as were allowed are done: call again, after a look at the others. */
export const STATUS_WAITING = 1;
/** A guard stopped the run; steps_done() tells where. */
export const STATUS_HALTED = 2;
/** A worker was told to end. */
export const STATUS_QUIT = 3;

// What a guard does with a step whose loss is not finite.
export const GUARD_STOP = 0;
export const GUARD_SKIP = 1;
