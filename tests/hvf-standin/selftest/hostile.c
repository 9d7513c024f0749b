/* R-RUN-09: guests of random instructions. Whatever they do, runs end, and the next guest finds all in order. */
#include "selftest.h"

enum { VBAR_EL1 = 0xC600, GUESTS = 40, STARTS = 25, WORDS = 0x1000 };

static volatile bool is_over;
static uint64_t seed;

static uint32_t next_random(void) /* xorshift64* */
{
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (uint32_t)(seed * 0x2545F4914F6CDD1Dull >> 32);
}

/* Half of them from the groups that reach the system: system registers and instructions, exceptions, loads and stores. */
static uint32_t random_instruction(void)
{
    uint32_t word = next_random();
    switch (next_random() % 8)
    {
        case 0: return 0xD5100000 | (word & 0xFFFFF);                        /* MSR to EL1 registers and the like */
        case 1: return 0xD5300000 | (word & 0xFFFFF);                        /* MRS */
        case 2: return 0xD5080000 | (word & 0x7FFFF);                        /* SYS: TLBI, DC, IC, AT */
        case 3: return 0xD4000000 | (word & 0x00FF001F);                     /* SVC, HVC, SMC, BRK, HLT, DCPS */
        case 4: return 0x38000000 | (word & 0xC7FFFFFF);                     /* loads and stores of one register */
        case 5: return next_random() % 4 == 0 ? 0xD69F03E0 : 0xD50340DF | (word & 0xF00); /* ERET; DAIF */
        default: return word;
    }
}

static void *cancel_always(void *unused)
{
    (void)unused;
    while (!is_over)
    {
        hv_vcpu_t vcpu = 0;
        hv_vcpus_exit(&vcpu, 1); /* between two guests there is none */
        pause_milliseconds(2);
    }
    return NULL;
}

static void one(uint64_t number)
{
    struct machine m;
    seed = 0x9E3779B97F4A7C15ull * (number + 1);
    machine_create(&m);
    set_system(&m, VBAR_EL1, GUEST_BASE + GUEST_VECTORS);
    uint32_t *words = (uint32_t *)(m.memory + DATA);
    for (int i = 0; i < WORDS; i++)
    {
        words[i] = random_instruction();
    }
    for (int i = 0; i < STARTS; i++)
    {
        for (uint32_t reg = HV_REG_X0; reg <= HV_REG_X30; reg++)
        {
            set(&m, reg, GUEST_BASE + DATA + next_random() % 0x8000 * 8);
        }
        set(&m, HV_REG_PC, GUEST_BASE + DATA + next_random() % WORDS * 4);
        set(&m, HV_REG_CPSR, 0x3C4 | (next_random() & 1));
        uint32_t reason = run(&m);
        CHECK("R-RUN-09", reason <= HV_EXIT_REASON_UNKNOWN);
    }
    machine_delete(&m);
}

void test_hostile(void)
{
    pthread_t thread;
    is_over = false;
    pthread_create(&thread, NULL, cancel_always, NULL);
    for (uint64_t number = 0; number < GUESTS; number++)
    {
        one(number);
    }
    is_over = true;
    pthread_join(thread, NULL);
    struct machine m;
    machine_create(&m);
    start(&m, GUEST_CALL, 0);
    CHECK("R-RUN-09", is_call(&m, 0x21));
    machine_delete(&m);
}
