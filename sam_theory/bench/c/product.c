/* SAM and USAM on l(xy) from one start, for a batch of (eta, rho).

   -DSAM or -DUSAM, -DLOG_COSH or -DSQRT; -DCANCELLED: g/|g| = sign(l') (y, x)/|(y, x)|; -DLANES=n: n trajectories
   side by side with time outermost, for the vectoriser. */
#include <math.h>

#ifdef LOG_COSH
#define SLOPE(z) tanh(z)
#else
#define SLOPE(z) ((z) / sqrt(1 + (z) * (z)))
#endif

static inline __attribute__((always_inline)) void step(double *x, double *y, double eta, double rho) {
    double a = *x, b = *y;
#if defined(USAM)
    double s = rho * SLOPE(a * b);
    double p = a + s * b, q = b + s * a;
#elif defined(CANCELLED)
    double z = a * b, n = a * a + b * b;
    double r = z == 0 ? 0 : copysign(rho, z) / sqrt(n);
    double p = a + r * b, q = b + r * a;
#else
    double s = SLOPE(a * b), g = s * b, h = s * a, n = sqrt(g * g + h * h);
    double r = n == 0 ? 0 : rho / n;
    double p = a + r * g, q = b + r * h;
#endif
    double e = eta * SLOPE(p * q);
    *x = a - e * q;
    *y = b - e * p;
}

/* final, diverged and top = max |xy| over the last steps have n entries per quantity; states, if given, holds every
   `every`-th state from 0 as [record][dimension][trajectory]. A diverged trajectory keeps its last finite state. */
void run(long n, long steps, long last, long every, const double *eta, const double *rho, const double *start,
         double *final, double *diverged, double *top, double *states) {
#pragma omp parallel for schedule(dynamic, 1)
    for (long tile = 0; tile < (n + LANES - 1) / LANES; tile++) {
        long first = tile * LANES, count = n - first < LANES ? n - first : LANES;
        double x[LANES], y[LANES], e[LANES], r[LANES], m[LANES], d[LANES];
        for (long i = 0; i < LANES; i++) {
            long j = first + (i < count ? i : 0);
            x[i] = start[0], y[i] = start[1], e[i] = eta[j], r[i] = rho[j], d[i] = 0;
            m[i] = last > steps ? fabs(x[i] * y[i]) : 0;
        }
        for (long t = 0; t <= steps; t++) {
            if (t > 0) {
#pragma omp simd
                for (long i = 0; i < LANES; i++) {
                    double a = x[i], b = y[i];
                    step(&a, &b, e[i], r[i]);
                    d[i] = a * a + b * b <= 1e24 ? d[i] : 1;
                    x[i] = d[i] > 0 ? x[i] : a;
                    y[i] = d[i] > 0 ? y[i] : b;
                }
                if (t > steps - last)
                    for (long i = 0; i < LANES; i++) m[i] = fmax(m[i], fabs(x[i] * y[i]));
            }
            if (states && t % every == 0) {
                double *at = states + t / every * 2 * n + first;
                for (long i = 0; i < count; i++) at[i] = x[i];
                for (long i = 0; i < count; i++) at[n + i] = y[i];
            }
        }
        for (long i = 0; i < count; i++) {
            final[first + i] = x[i], final[n + first + i] = y[i];
            top[first + i] = m[i], diverged[first + i] = d[i];
        }
    }
}
