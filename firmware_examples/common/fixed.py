"""Fixed-point arithmetic, logarithm and Fourier transform: the definition of `dsp.c`.

Every function here and its C twin give the same integers, so that a model is trained and measured
on exactly what the microcontroller computes. Arrays are int64 whatever the C type: numpy's right
shift of a negative number rounds down, as the C compilers' does.

A *Q15* number q stands for q / 32768; Q16 in the same way for q / 65536.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

TABLE_FFT = 1024
"""Length of the longest transform that the table of sines serves."""
LOG_STEPS = 128


def sine_table() -> Ints:
    """A quarter of a period, sin(2 pi k / 1024) in Q15 for k = 0..256; 32768 stands for one."""
    angle = 2 * np.pi * np.arange(TABLE_FFT // 4 + 1) / TABLE_FFT
    return np.rint(32768 * np.sin(angle)).astype(np.int64)


def log2_table() -> Ints:
    """log2(1 + k / 128) in Q16 for k = 0..128."""
    return np.rint(65536 * np.log2(1 + np.arange(LOG_STEPS + 1) / LOG_STEPS)).astype(np.int64)


_SINE = sine_table()
_LOG2 = log2_table()


def mul_q15(a: Ints, w: Ints) -> Ints:
    """Rounded a * w / 32768, halves up; |a| < 2**30, -32768 <= w <= 32768."""
    return (a * w + (1 << 14)) >> 15


def log2_q16(x: Ints) -> Ints:
    """log2(x) in Q16 for 1 <= x < 2**63: exact powers of two, and lines between 128 points each."""
    # frexp is exact up to 2**53; above, rounding may reach the next power of two.
    exponent = np.frexp(x.astype(np.float64))[1].astype(np.int64) - 1
    exponent -= (x >> exponent) == 0
    # 23 bits behind the leading one: 7 choose the line, 16 the place on it.
    low = np.minimum(exponent, 23)
    behind = ((x >> (exponent - low)) << (23 - low)) - (1 << 23)
    line, place = behind >> 16, behind & 0xFFFF
    step = _LOG2[line + 1] - _LOG2[line]
    return (exponent << 16) + _LOG2[line] + ((step * place + (1 << 15)) >> 16)


def _cos_sin(k: Ints) -> tuple[Ints, Ints]:
    """Cosine and sine of 2 pi k / 1024 in Q15 for 0 <= k < 512."""
    quarter = TABLE_FFT // 4
    sine = _SINE[np.minimum(k, 2 * quarter - k)]
    cosine = np.where(k <= quarter, 1, -1) * _SINE[np.abs(quarter - k)]
    return cosine, sine


def _bit_reversed(size: int) -> Ints:
    order = np.zeros(1, np.int64)
    while order.size < size:
        order = np.concatenate([2 * order, 2 * order + 1])
    return order


def rfft(samples: Ints) -> tuple[Ints, Ints]:
    """The discrete Fourier transform of real samples, not scaled.

    A complex transform of half the length, radix 2, of pairs of samples; then a step that tells the
    even samples' spectrum from the odd ones'. Sums of |samples| must stay below 2**30.

    Args:
        samples: [..., n], n a power of two from 4 to 1024.

    Returns:
        Real and imaginary part, [..., n / 2]: bins 0 to n / 2 - 1.
    """
    half = samples.shape[-1] // 2
    order = _bit_reversed(half)
    re, im = samples[..., 0::2][..., order].copy(), samples[..., 1::2][..., order].copy()
    span = 1
    while span < half:
        cosine, sine = _cos_sin(np.arange(span) * (TABLE_FFT // 2 // span))
        shape = (*re.shape[:-1], half // (2 * span), 2, span)
        re, im = re.reshape(shape), im.reshape(shape)
        a_re, a_im, b_re, b_im = re[..., 0, :], im[..., 0, :], re[..., 1, :], im[..., 1, :]
        t_re = mul_q15(b_re, cosine) + mul_q15(b_im, sine)
        t_im = mul_q15(b_im, cosine) - mul_q15(b_re, sine)
        re = np.stack([a_re + t_re, a_re - t_re], axis=-2).reshape((*samples.shape[:-1], half))
        im = np.stack([a_im + t_im, a_im - t_im], axis=-2).reshape((*samples.shape[:-1], half))
        span *= 2
    return _split(re, im, half)


def _split(re: Ints, im: Ints, half: int) -> tuple[Ints, Ints]:
    """The spectrum of 2 * half real samples from that of their pairs."""
    mirror = -np.arange(half) % half
    even_re, even_im = (re + re[..., mirror]) >> 1, (im - im[..., mirror]) >> 1
    odd_re, odd_im = (im + im[..., mirror]) >> 1, (re[..., mirror] - re) >> 1
    cosine, sine = _cos_sin(np.arange(half) * (TABLE_FFT // 2 // half))
    return (
        even_re + mul_q15(odd_re, cosine) + mul_q15(odd_im, sine),
        even_im + mul_q15(odd_im, cosine) - mul_q15(odd_re, sine),
    )
