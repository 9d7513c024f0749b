// Exit by exit: no buses, no devices. The caller holds the guest by the hand, sees every exit as a value, answers it and lets
// the guest go on. This is the mode for tests, fuzzers and tools; a machine with devices uses Vcpu.Run (see HelloGuest).
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

const ushort Thermometer = 0x300;
const ulong Display = 0x2_0000;

if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
{
    Console.Error.WriteLine(probe);
    return 1;
}

// Reads a temperature from a port, adds one, shows the sum on a memory-mapped display, and halts.
GuestProgram program = GuestProgram.ProtectedMode(a =>
{
    a.mov(dx, Thermometer);
    a.@in(ax, dx);
    a.inc(ax);
    a.mov(__word_ptr[Display], ax);
    a.hlt();
});

using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
using Partition partition = hypervisor.CreatePartition();
partition.Memory.Map(0, 0x10000); // the display lies above it, where there is no memory
program.LoadInto(partition.Memory);
using Vcpu vcpu = partition.CreateVcpu(0);
program.Start(vcpu);

while (true)
{
    VcpuExit exit = vcpu.RunOnce();
    Console.WriteLine(exit.ToString());

    switch (exit.Kind)
    {
        case VcpuExitKind.PortRead when exit.Port == Thermometer:
            exit.SetValue(20); // the guest gets it when it runs next
            break;

        case VcpuExitKind.MmioWrite when exit.Address == Display:
            Console.WriteLine($"    The display shows {exit.Value}.");
            break;

        case VcpuExitKind.Halt:
            Console.WriteLine($"    The guest is done, at {vcpu.X64.GetRegisters().Rip:X}.");
            return 0;

        default: // a triple fault, an instruction that the host cannot emulate, an address nobody has: a value too
            Console.Error.WriteLine("    This program does not expect that.");
            return 1;
    }
}
