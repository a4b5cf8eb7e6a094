/*
 * cpu.h: instructions of the running processor that not every compiler's __builtin_cpu_supports knows by name:
 * nn_cpu_FEATURE, for the tests that config/tables.sh makes.
 */
#ifndef NN_CPU_H
#define NN_CPU_H

#if defined(__x86_64__)

/* Leaf 7.1, EAX bit 4; the registers that it needs are those of AVX2.  The processor is asked once: under a
 * virtual machine that takes a microsecond or more, and kernels are called more often. */
static inline int nn_cpu_avxvnni(void)
{
    static int known; /* 1: no, 2: yes */
    int answer = __atomic_load_n(&known, __ATOMIC_RELAXED);
    if (!answer) {
        unsigned a = 7, b, c = 1, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        answer = 1 + (int)(a >> 4 & 1);
        __atomic_store_n(&known, answer, __ATOMIC_RELAXED);
    }
    return answer - 1;
}

#elif defined(__aarch64__) && defined(__linux__)

unsigned long getauxval(unsigned long type);

/* HWCAP_ASIMDDP of AT_HWCAP. */
static inline int nn_cpu_dotprod(void) { return (int)(getauxval(16) >> 20 & 1); }

#endif

#endif
