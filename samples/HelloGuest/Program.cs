// The smallest guest that speaks: it writes a greeting to port 0xE9, a byte at a time, and halts. Behind it stands the
// hypervisor of this machine; no other process and no native library is involved.
using System.Diagnostics;
using HvSdk;
using HvSdk.Backends.Kvm;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

if (Hypervisor.Probe(KvmBackend.Instance) is { IsAvailable: false } probe)
{
    Console.Error.WriteLine(probe); // why not, and what to do about it
    return 1;
}

GuestProgram hello = GuestProgram.RealMode(a =>
{
    foreach (char c in "Hello from a guest!\n")
    {
        a.mov(al, c);
        a.@out(0xE9, al);
    }

    a.hlt();
});

long start = Stopwatch.GetTimestamp();
using Hypervisor hypervisor = Hypervisor.Open(KvmBackend.Instance);
using Partition partition = hypervisor.CreatePartition();
partition.Memory.Map(0, 0x10000);
partition.Ports.Map(0xE9, 1, new DebugConsole());
hello.LoadInto(partition.Memory);
using Vcpu vcpu = partition.CreateVcpu(0);
hello.Start(vcpu);
VcpuExit end = vcpu.Run();

Console.WriteLine($"Ran on {hypervisor.Capabilities.BackendName} ({hypervisor.Capabilities.HostDescription}).");
Console.WriteLine($"The guest ended with {end.Kind} after {vcpu.Statistics.Exits} exits, {Stopwatch.GetElapsedTime(start).TotalMilliseconds:F1} ms.");
return end.Kind == VcpuExitKind.Halt ? 0 : 1;

internal sealed class DebugConsole : IBusDevice
{
    public void Read(ulong offset, Span<byte> data) => data.Fill(0xE9);

    public void Write(ulong offset, ReadOnlySpan<byte> data) => Console.Write((char)data[0]);
}
