using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Hvf.StandIn.Tests;

/// <summary>A partition with some RAM, a guest in it, and a device that remembers.</summary>
internal sealed class Machine : IDisposable
{
    internal const ulong Ram = 0x4000_0000;
    internal const ulong RamSize = 0x10_0000;
    internal const ulong Device = 0x900_0000;

    internal Machine(StandIn standIn, Action<Arm64Assembler> write, Action<PartitionOptions>? configure = null)
    {
        Hypervisor = Hypervisor.Open(standIn.Backend());
        TestContext.Current.TestOutputHelper?.WriteLine($"Ran on {Hypervisor.Capabilities.BackendName}: {Hypervisor.Capabilities.HostDescription}");
        PartitionOptions options = new() { ExitOnHypercall = true };
        configure?.Invoke(options);
        try
        {
            Partition = Hypervisor.CreatePartition(options);
            Region = Partition.Memory.Map(Ram, RamSize);
            Partition.Mmio.Map(Device, 0x1000, Log);
            var guest = new Arm64Assembler(Ram);
            write(guest);
            Partition.Memory.Write(Ram, guest.ToArray());
        }
        catch
        {
            Partition?.Dispose();
            Hypervisor.Dispose();
            throw;
        }
    }

    internal Hypervisor Hypervisor { get; }

    internal Partition Partition { get; }

    internal MemoryRegion Region { get; }

    /// <summary>What the guest did to the device.</summary>
    internal RegisterDevice Log { get; } = new();

    /// <summary>A vCPU that begins at the guest's first instruction.</summary>
    internal Vcpu CreateVcpu(int index = 0)
    {
        Vcpu vcpu = Partition.CreateVcpu(index);
        if (index == 0)
        {
            vcpu.Arm64.SetRegisters([Arm64Register.Pc], [Ram]);
        }

        return vcpu;
    }

    /// <summary>Runs vCPU 0 until it leaves for good; gives its exit in words and X0 to X30.</summary>
    internal (string Exit, Arm64Registers Registers) Run()
    {
        using Vcpu vcpu = CreateVcpu();
        using CancellationTokenSource limit = new(Limit.Value);
        string exit = vcpu.Run(limit.Token).ToString();
        return (exit, vcpu.Arm64.GetRegisters());
    }

    public void Dispose()
    {
        Partition.Dispose();
        Hypervisor.Dispose();
    }
}
