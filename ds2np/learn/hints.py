"""Hints for each exercise, from a nudge to nearly the solution."""

HINTS = {
    "00.1": (
        "Walk along the path and remember the symbol of the frame before.",
        "A symbol counts if it differs from the one before it and is not 0; remember blanks, too.",
    ),
    "00.2": (
        "Count the edits of each pair of texts by the table that the chapter draws.",
        "Row i, column j: one more than the entry above, one more than the entry to the left, or "
        "the entry diagonally above plus 1 if the two characters differ; take the smallest.",
        "Add up the edits of all pairs first, and the characters of all references; divide once.",
    ),
    "01.1": (
        "Count the frames first: (samples - size) // stride + 1.",
        "Frame t is samples[t * stride : t * stride + size]; multiply it by the window.",
        "The power is the squared size of np.fft.rfft, whose real and imaginary parts count.",
    ),
    "01.2": (
        "mels triangles have mels + 2 corners, evenly spaced in mel from 0 to half the rate.",
        "Convert the corners back to hertz. Triangle m rises from corner m to m + 1, and falls to "
        "m + 2; a frequency of the transform has k * sample_rate / size hertz.",
        "The smaller of the rising and the falling line, but not below 0, is the triangle.",
    ),
    "01.3": (
        "Start with zeros for all samples; each frame adds to its own slice.",
        "Frame t adds to the slice that begins at t * stride and is as long as a frame.",
    ),
    "01.4": (
        "Two steps, from above: the logarithm divides by what it was taken of; then the power.",
        "The gradient of the power |X|^2 is twice X.",
    ),
    "02.1": (
        "With p zeros at either end there are length + 2 p frames, and a window ends within them.",
        "Count the steps from the first window to the last possible one, and the first itself; "
        "np.maximum with 0 works for numbers and arrays.",
    ),
    "02.2": (
        "Pad the axis of time only: np.pad takes a pair of counts for each axis.",
        "Window t holds frames stride * t to stride * t + K of the padded x: (N, K, D).",
        "Sum over K and D at once: np.tensordot(window, W, 2), or reshape both to matrices.",
    ),
    "02.3": (
        "Begin below the first layer: one frame, step 1. Go up, layer by layer.",
        "A kernel of k adds k - 1 steps of the layer below; then the step grows by the stride.",
    ),
    "02.4": (
        "Every window of x contributes to dW; every window of dx receives from dout.",
        "Frame t of dout adds window^T @ dout_t to dW, and dout_t @ W^T to the window's frames of "
        "a padded dx.",
        "At the end, cut the padding off dx.",
    ),
    "03.1": ("np.arange(T) is a row of frame numbers.", "Compare it with lengths[:, None]."),
    "03.2": (
        "Replace the padding by 0 before you sum; 0 times NaN is NaN, np.where is not.",
        "Divide by the number of real values of a feature: for channels, each frame has F of them.",
        "Subtract the mean, and replace the padding by 0 once more before you square.",
    ),
    "03.3": (
        "Compute the normalised x first, with 0 in the padding; dbeta and dgamma are sums.",
        "dx = gamma / std * (dout - its mean - normalised x * mean of dout * normalised x), where "
        "the means are over real frames.",
    ),
    "04.1": (
        "Keep the state of the frame before in a variable; it begins as h0.",
        "state @ U multiplies each direction's states by its own weights. Clip to 0 and 20, and "
        "carry the clipped state on.",
    ),
    "04.2": (
        "Go from the last frame to the first and carry a gradient along; it begins as zeros.",
        "Frame t has two parts: dh of the frame, and what was carried; both pass the slope, 1 "
        "where the state is between 0 and 20.",
        "dU gets the state before (h0 for the first frame), transposed, times da; carry da @ U^T.",
    ),
    "04.3": (
        "One product state @ U has the recurrent terms of all three: z, r and c, side by side.",
        "z and r are sigmas of input term plus recurrent term. The reset gate multiplies the "
        "recurrent term of c, after the product.",
        "The new state is (1 - z) * state + z * c. A sigma that cannot overflow: "
        "0.5 * (1 + tanh(x / 2)).",
    ),
    "04.4": (
        "Copy x, then turn the frames of one utterance after the other.",
        "The frames of utterance n are x[:length, n]; [::-1] reads them from the end.",
    ),
    "04.5": (
        "Go from the last frame to the first, as in 04.2; what reaches a state is dh of the frame "
        "plus what was carried.",
        "First the gradients of the gates: dz = g (c - before), dc = g z; each times the slope of "
        "its own nonlinearity, z (1 - z) and 1 - c^2.",
        "The reset gate multiplies before @ U_h: its gradient is dac times that product, and the "
        "product's is dac times r. Four parts are carried: g (1 - z) and three products with U^T.",
    ),
    "05.1": (
        "Each label needs a frame; when does it need one more?",
        "Between two equal neighbours there has to be a blank.",
    ),
    "05.2": (
        "Put blanks around the labels: S = 2 L + 1 states, blanks at the even places.",
        "Frame T has 0 for the last two states. For each earlier frame, add what state s says in "
        "the frame after to its beta there; then the ways from s, s + 1 and s + 2.",
        "A way to s + 2 exists if that state is a label that differs from the one at s; "
        "np.logaddexp adds logarithms and knows -inf.",
    ),
    "05.3": (
        "Without the text the gradient would be the softmax; np.exp(log_probs) is that.",
        "Subtract the posterior of each state from the column of its symbol; several states share "
        "the blank's.",
    ),
    "05.4": (
        "Utterance by utterance: real frames and real labels only; zeros and inf elsewhere.",
        "Shift each frame's logits by the largest one before you take exponentials.",
        "alpha + beta is the logarithm of all paths through a state; their sum over the states is "
        "the same in each frame, and its negative is the loss.",
    ),
    "06.1": (
        "One norm for all: the root of the sum of all squares of all arrays.",
        "If it is larger than max_norm, the factor is max_norm / norm, else 1; look whether it is "
        "finite first.",
    ),
    "06.2": (
        "The new velocity is momentum times the old one, minus rate times the gradient.",
        "Nesterov's step looks ahead: momentum times the *new* velocity, minus rate * gradient.",
    ),
    "06.3": (
        "Sort first (a stable np.argsort), then fill minibatches one utterance after the other.",
        "In later epochs, multiply the lengths by the random factors before you sort.",
        "Close a minibatch if one more would be too many, or if (its size + 1) times its longest, "
        "the new one included, is more than max_frames.",
    ),
    "06.4": (
        "Find the first epoch with the best rate.",
        "Count the epochs after it, and compare with patience; none is 0.",
    ),
    "07.1": (
        "One convolution after the other: the lengths behind one are those before the next.",
        "Cut at 0 after each convolution, not only at the end.",
    ),
    "07.2": (
        "Backward means: from the last layer to the first.",
        "reversed(layers.items()) gives names and functions; each function's first result is the "
        "dout of the next.",
    ),
    "07.3": (
        "argmax over the symbols of the real frames only.",
        "Merge before you drop: a symbol counts if it differs from that of the frame before.",
    ),
    "08.1": (
        "Energies are sums of squares; snr_db is 10 times the logarithm of their ratio.",
        "The gain of the noise is the root of (sound's energy / noise's energy / 10^(snr / 10)).",
    ),
    "08.2": (
        "The turn of frame k is the angle of later minus the angle of x.",
        "Frame 0 keeps its angle; frame k has that plus the turns of all frames before it.",
    ),
    "08.3": (
        "np.convolve gives more samples than went in.",
        "The direct sound is at argmax of the response's absolute values: begin there, and take "
        "as many samples as there were.",
        "Multiply by the root of the energy before over the energy after, unless that is 0.",
    ),
    "09.1": (
        "Each prefix gives to the prefixes that it can become; add up what several give to one.",
        "A blank keeps the prefix: both its sums, times the blank's probability, go into p_b.",
        "The last symbol once more: p_n keeps the prefix, p_b makes it longer; every other symbol "
        "makes it longer from both. All of these go into p_n.",
    ),
    "09.2": (
        "Count how many n-grams stand once, twice, three and four times.",
        "Look at the fallback before you divide, and once more when you have the discounts.",
    ),
    "09.3": (
        "Is the whole n-gram listed? Then that is the answer.",
        "Otherwise add the history's back-off weight, if it has one, and ask again with a history "
        "that lacks its first word.",
        "A word that is not listed by itself is <unk>; find that out first.",
    ),
    "09.4": (
        "Two loops over the grid; for each pair, Q of all candidates at once, then argmax(axis=1).",
        "edits[np.arange(N), chosen] are the errors of the chosen ones; remember the first pair "
        "with fewer errors than any before.",
    ),
    "10.1": (
        "Two loops: over the first frame of each tile, and within it over the first frequency.",
        "A slice may end beyond the array: the last tiles become smaller by themselves.",
    ),
    "10.2": (
        "A column of ones beside the states gives the constant a weight of its own.",
        "np.linalg.lstsq(that, facts, rcond=None)[0] gives the weights, from the old states only.",
        "The new states need the same column of ones before they are multiplied by the weights.",
    ),
    "11.1": (
        "A product of (rows, D) by (D, columns) has rows * D * columns multiplications.",
        "Per frame: D * gates * H for each W that is used, H * gates * H for each direction.",
    ),
    "11.2": (
        "Flop: 2 * rows * inner * columns. Bytes: all three matrices.",
        "The memory allows bandwidth * flop / bytes, the arithmetic allows peak.",
    ),
    "11.3": (
        "Each dg belongs to the state of the frame before; the first one to h0.",
        "Put h0 in front of h, leave the last state out, and make one matrix of frames and "
        "utterances for each direction.",
    ),
    "11.4": (
        "Which of the three loops is short? Keep that one.",
        "The weight W[j] meets the frames j, j + 1, ... of all utterances at once: x[:, j:].",
        "Begin with x * W[0], and add x[:, j:] * W[j] to the first T - j frames. For j >= T there "
        "are none, and a slice [: -j] or [: T - j] may then mean something else.",
    ),
    "12.1": (
        "np.arange(32) ^ far says whom each lane listens to.",
        "All read before anybody writes: make a new array in each round.",
    ),
    "12.2": (
        "Even blocks run forward, odd ones backward; two blocks for each utterance.",
        "Backward, step k is frame frames[n] - 1 - k, and thread i is state S - 1 - i.",
    ),
    "12.3": (
        "before[2:] are the states themselves, before[1:-1] their neighbours, before[:-2] those "
        "two places away.",
        "np.logaddexp of the first two; where skip is true, with the third as well.",
    ),
    "12.4": (
        "Go frame by frame and keep when each block may begin.",
        "It may begin when the slowest block of its group has ended the frame before.",
    ),
    "12.5": (
        "The number of a thread, among all threads of all blocks: blockIdx.x * blockDim.x + "
        "threadIdx.x.",
        "Only if it is less than count is there something to do.",
        "fminf(fmaxf(x[i], 0.0f), ceiling)",
    ),
    "12.6": (
        "Three loops over the thread's numbers: for the largest, for the sum, and for the results. "
        "After each of the first two, the threads have to agree.",
        "To agree: shuffles in each warp; lane 0 of each warp writes to partial[threadIdx.x / 32]; "
        "__syncthreads(); then every thread reads the places of all blockDim.x / 32 warps.",
        "Before partial is written for the second time, all must have read it: one more "
        "__syncthreads().",
    ),
    "12.7": (
        "Every thread takes part in all shuffles and barriers; one that has no number holds minus "
        "infinity.",
        "ln(e^a + e^b) is the larger one plus log1pf(expf(smaller - larger)); if the larger one is "
        "minus infinity, so is the sum.",
        "Five rounds of __shfl_xor_sync in each warp, one number of each warp through shared "
        "memory, then the same five rounds for those.",
    ),
    "12.8": (
        "Thread i computes unit i % H of utterance i / H.",
        "a[((n * T + t) * 3 + g) * H + j] is the input term of gate g, and u[(n * 3 + g) * H + j] "
        "the recurrent one.",
        "Decide by an if whether the frame is real: 0 times nan is nan.",
    ),
    "13.1": (
        "A mean times its count is a sum.",
        "Leave out the processes that had no utterance, by their count and not by their NaN.",
    ),
    "13.2": ("One slice for each minibatch.", "A slice with a step: from rank on, every size-th."),
    "13.3": (
        "All send at the same time: read from the old state, write to a copy.",
        "Process r receives chunk (r + 1 + k) % p from process (r + 1) % p.",
    ),
    "13.4": (
        "Count the numbers of all chunks, in both halves, without the one that r does not send.",
        "In the first half r does not send chunk r + 1, in the second not chunk r + 2, around the "
        "ring.",
    ),
    "14.1": (
        "Cut word by word; between two words comes a symbol of its own, the space.",
        "The pairs of a word begin at its letters 0, 2, 4, ...; a slice of two letters at the end "
        "of an odd word has one.",
        "A pair that is not among the known ones becomes its letters; the next pair begins where "
        "it would have begun anyway.",
    ),
    "14.2": (
        "Count what the shortest path needs, as in exercise 05.1; then try strides, or solve.",
        "ceil(T / s) >= n means T / s > n - 1.",
        "With n of 0 or 1 one frame is enough, and the stride may be as large as T.",
    ),
    "14.3": (
        "Count first, then sort the characters by two keys at once.",
        "sorted(counts, key=lambda c: (-counts[c], c)) has the most frequent first, and equally "
        "frequent ones in the order of the characters.",
        "Keep the first `most`, sort them once more, and add up the counts of all others.",
    ),
    "14.4": (
        "A tone is what stays when the voice is another one: ratios, not differences in hertz.",
        "In octaves, np.log2, the mean moves to np.log2(centre), and all frames with it.",
        "Take the mean over frames with a pitch only, and leave the others 0; there may be none.",
    ),
    "15.1": (
        "Begin at the last frame, where the state is given; each step leads to the frame before.",
        "State s has bit 7 - s % 8 of byte s // 8, in either array.",
        "Note the state first, then subtract one + 2 * two; at the end, turn the list around.",
    ),
    "15.2": (
        "Let lost[j] be the least that is lost up to point j; lost[0] is 0.",
        "The last piece before j begins at some i < j: it costs nothing if its length is allowed, "
        "and its seconds if not.",
        "lost[j] is the smallest lost[i] plus that, over all i < j; the answer is the last one.",
    ),
    "15.3": (
        "The derivative of the cross entropy with respect to the score z is p - y.",
        "dz = (p - y) / N, since the loss is a mean; then dw = dz @ x, and the penalty's l2 * w.",
        "np.exp(-np.logaddexp(0, -z)) is the sigmoid without overflow; b has no penalty.",
    ),
    "15.4": (
        "Only 0 and the probabilities themselves have to be tried: in between nothing changes.",
        "At each candidate, count the wrong ones that are kept and the right ones that are not.",
        "Go from small to large, and move on only if the cost is less than the least so far.",
    ),
    "16.1": (
        "It is chapter 04's recurrence; only the state before the first frame is not zeros but h.",
        "The input terms of all frames are x @ W + b; then h = clip(a_t + h @ U, 0, 20), frame by "
        "frame.",
        "Return the variable that you carry along, not the last output: there may be none.",
    ),
    "16.2": (
        "Put the frames that were kept before the new ones; at the end, tau frames of zeros "
        "behind.",
        "Of F frames, F - tau can be computed, or none: for the others a frame is still missing.",
        "Keep what begins where the output ends, frames[:, ready:]; frames[:, -tau:] is everything "
        "if tau is 0.",
    ),
    "16.3": (
        "Two variables are enough: the time now, and how many pieces have been served.",
        "If nobody waits, the time jumps to the next arrival; then count arrivals <= now.",
        "A batch is as large as the count of those that wait, or as the limit; all of it ends at "
        "now + costs[size - 1].",
    ),
    "16.4": (
        "Sort; which position has at least percent % of all values at or before it?",
        "The rank is percent * n / 100, rounded up, and counted from 1; at least 1.",
        "Rounding up with integers: -(-a // b).",
    ),
    "18.1": (
        "x = (P - mean) / sigma, with one mean for each frequency and one sigma for everything.",
        "First through the division: inverse_std * (dout - x * mean of all x * dout).",
        "Then through the mean of each frequency: subtract the mean over time.",
    ),
    "18.2": (
        "Decibels of energy: the size, a root of a sum of squares, may be 10^(decibels / 20) "
        "times that of the sound.",
        "Scale down only; then clip samples + change to -1 and 1, and subtract the samples.",
    ),
}
