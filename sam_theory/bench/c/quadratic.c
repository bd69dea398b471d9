/* SAM on a quadratic from a batch of starts.

   Without MATRIX: eigenvalues lam[d]; -DCANCELLED: both steps as one factor per coordinate, and the norm of the next
   gradient in the same pass. With -DMATRIX: a symmetric matrix[d][d]. -DLANES=n: n starts side by side. */
#include <math.h>
#include <stdlib.h>

#define ROWS 4

#ifdef MATRIX
/* out = matrix * in, ROWS rows at a time */
static inline __attribute__((always_inline)) void image(long d, const double *matrix, const double (*in)[LANES],
                                                         double (*out)[LANES]) {
    for (long i = 0; i < d; i += ROWS) {
        long rows = d - i < ROWS ? d - i : ROWS;
        if (rows == ROWS) {
            double s[ROWS][LANES] = {{0}};
            for (long j = 0; j < d; j++)
                for (long k = 0; k < ROWS; k++)
#pragma omp simd
                    for (long l = 0; l < LANES; l++) s[k][l] += matrix[(i + k) * d + j] * in[j][l];
            for (long k = 0; k < ROWS; k++)
                for (long l = 0; l < LANES; l++) out[i + k][l] = s[k][l];
        } else
            for (long k = 0; k < rows; k++) {
                double s[LANES] = {0};
                for (long j = 0; j < d; j++)
#pragma omp simd
                    for (long l = 0; l < LANES; l++) s[l] += matrix[(i + k) * d + j] * in[j][l];
                for (long l = 0; l < LANES; l++) out[i + k][l] = s[l];
            }
    }
}
#else
static inline __attribute__((always_inline)) void image(long d, const double *lam, const double (*in)[LANES],
                                                         double (*out)[LANES]) {
    for (long i = 0; i < d; i++)
#pragma omp simd
        for (long l = 0; l < LANES; l++) out[i][l] = lam[i] * in[i][l];
}
#endif

/* start and final are [trajectory][dimension]. */
void run(long n, long d, long steps, double eta, double rho, const double *operator, const double *start,
         double *final) {
    double *keep = malloc(2 * d * sizeof(double)), *linear = keep + d;
    for (long i = 0; i < d; i++) keep[i] = 1 - eta * operator[i], linear[i] = eta * operator[i] * operator[i];
#pragma omp parallel for schedule(dynamic, 1)
    for (long tile = 0; tile < (n + LANES - 1) / LANES; tile++) {
        long first = tile * LANES, count = n - first < LANES ? n - first : LANES;
        double(*w)[LANES] = aligned_alloc(64, d * sizeof *w), (*g)[LANES] = aligned_alloc(64, d * sizeof *g),
        (*p)[LANES] = aligned_alloc(64, d * sizeof *p);
        double s[LANES], r[LANES];
        for (long i = 0; i < d; i++)
            for (long l = 0; l < LANES; l++) w[i][l] = start[(first + (l < count ? l : 0)) * d + i];
#if defined(CANCELLED) && !defined(MATRIX)
        for (long l = 0; l < LANES; l++) s[l] = 0;
        for (long i = 0; i < d; i++)
            for (long l = 0; l < LANES; l++) s[l] += operator[i] * w[i][l] * (operator[i] * w[i][l]);
        for (long t = 0; t < steps; t++) {
            for (long l = 0; l < LANES; l++) r[l] = s[l] > 0 ? rho / sqrt(s[l]) : 0, s[l] = 0;
            for (long i = 0; i < d; i++)
#pragma omp simd
                for (long l = 0; l < LANES; l++) {
                    double v = w[i][l] * (keep[i] - r[l] * linear[i]), h = operator[i] * v;
                    w[i][l] = v;
                    s[l] += h * h;
                }
        }
#else
        for (long t = 0; t < steps; t++) {
            image(d, operator, w, g);
            for (long l = 0; l < LANES; l++) s[l] = 0;
            for (long i = 0; i < d; i++)
#pragma omp simd
                for (long l = 0; l < LANES; l++) s[l] += g[i][l] * g[i][l];
            for (long l = 0; l < LANES; l++) r[l] = s[l] > 0 ? rho / sqrt(s[l]) : 0;
            for (long i = 0; i < d; i++)
#pragma omp simd
                for (long l = 0; l < LANES; l++) p[i][l] = w[i][l] + r[l] * g[i][l];
            image(d, operator, p, g);
            for (long i = 0; i < d; i++)
#pragma omp simd
                for (long l = 0; l < LANES; l++) w[i][l] -= eta * g[i][l];
        }
#endif
        for (long i = 0; i < d; i++)
            for (long l = 0; l < count; l++) final[(first + l) * d + i] = w[i][l];
        free(w), free(g), free(p);
    }
    free(keep);
}
