/* A 16550 on PCI per processor. A byte to it wakes the library's thread; a byte from it is an interrupt here. The bytes mean nothing. */
#include "el2.h"

#define PCI_CONFIG 0x4010000000ull /* of bus 0, 32 KiB per slot */
#define PCI_PORTS 0x3EFF0000ull    /* the window to ports, which start at 0 */
enum
{
    CONFIG_COMMAND = 0x4, CONFIG_BAR0 = 0x10, COMMAND_PORTS = 1,
    FIRST_PCI_INTID = 35, /* INTA of slot n is line n % 4 */
    UART_DATA = 0, UART_INTERRUPT_ENABLE = 1, UART_MODEM_CONTROL = 4, UART_LINE_STATUS = 5,
    ENABLE_RECEIVED = 1, STATUS_RECEIVED = 1
};

/* machine.c puts the port of processor n into slot n + 1: slot 0 is the host bridge. */
static unsigned slot_of(unsigned cpu) { return cpu + 1; }
static uint32_t port_of(unsigned cpu) { return 0x1000 + 0x100 * cpu; }
static uint64_t uart_of(unsigned cpu) { return PCI_PORTS + port_of(cpu); }

uint32_t doorbell_interrupt(unsigned cpu) { return FIRST_PCI_INTID + slot_of(cpu) % 4; }

void doorbells_start(void)
{
    for (unsigned cpu = 0; cpu < board()->cpu_count; cpu++)
    {
        uint64_t config = PCI_CONFIG + ((uint64_t)slot_of(cpu) << 15);
        write32(config + CONFIG_BAR0, port_of(cpu));
        write32(config + CONFIG_COMMAND, COMMAND_PORTS);
        write8(uart_of(cpu) + UART_INTERRUPT_ENABLE, ENABLE_RECEIVED);
    }
}

void doorbell_ring(unsigned cpu) { write8(uart_of(cpu) + UART_DATA, 1); }

bool doorbell_drain(unsigned cpu)
{
    bool was_rung = false;
    while (read8(uart_of(cpu) + UART_LINE_STATUS) & STATUS_RECEIVED)
    {
        (void)read8(uart_of(cpu) + UART_DATA);
        was_rung = true;
    }
    return was_rung;
}
