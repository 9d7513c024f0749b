using HvSdk.Live;
using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

/// <summary>A partition with some RAM, a guest in it, and a device that remembers.</summary>
internal sealed class Machine : IDisposable
{
    internal const ulong Ram = 0x4000_0000;
    internal const ulong RamSize = 0x10_0000;

    /// <summary>A device on the bus.</summary>
    internal const ulong Device = 0x900_0000;

    /// <summary>Where nothing is: a store there leaves with its value.</summary>
    internal const ulong Nothing = 0xA00_0000;

    internal Machine(Action<Arm64Assembler> write, Action<PartitionOptions>? configure = null)
    {
        Hypervisor = LiveHypervisor.Open();
        PartitionOptions options = new();
        configure?.Invoke(options);
        try
        {
            Partition = Hypervisor.CreatePartition(options);
            Partition.Memory.Map(Ram, RamSize);
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

    /// <summary>What the guest did to the device.</summary>
    internal RegisterDevice Log { get; } = new();

    /// <summary>The guest asks for its end (PSCI SYSTEM_OFF, DEN 0022, 5.1.12). X0 to X3 are the call's: KVM leaves zeroes in them.</summary>
    internal static void PowerOff(Arm64Assembler guest)
    {
        guest.Mov(0, 0x8400_0008);
        guest.Hvc();
    }

    /// <summary>The guest stores a register where nothing is; the exit tells its value.</summary>
    internal static void Tell(Arm64Assembler guest, int register)
    {
        guest.Mov(28, Nothing);
        guest.Str(register, 28, 8);
    }

    /// <summary>A vCPU; the first begins at the guest's first instruction.</summary>
    internal Vcpu CreateVcpu(int index = 0)
    {
        Vcpu vcpu = Partition.CreateVcpu(index);
        if (index == 0)
        {
            vcpu.Arm64.SetRegisters([Arm64Register.Pc], [Ram]);
        }

        return vcpu;
    }

    /// <summary>Runs vCPU 0 until it leaves for good; gives its exit in words and its registers.</summary>
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

/// <summary>Runs of a vCPU that end in time.</summary>
internal static class Runs
{
    /// <summary>The next exit, within the limit.</summary>
    internal static VcpuExit Next(this Vcpu vcpu)
    {
        using CancellationTokenSource limit = new(Limit.Value);
        return vcpu.Run(limit.Token);
    }

    /// <summary>The value that the guest stores where nothing is.</summary>
    internal static ulong NextValue(this Vcpu vcpu)
    {
        // Exit by exit, since a run gives such stores to the bus, where they vanish.
        using CancellationTokenSource limit = new(Limit.Value);
        using CancellationTokenRegistration end = limit.Token.Register(vcpu.Cancel);
        VcpuExit exit = vcpu.RunOnce();
        if (exit.Kind != VcpuExitKind.MmioWrite || exit.Address != Machine.Nothing)
        {
            Arm64Registers registers = vcpu.Arm64.GetRegisters();
            Assert.Fail(
                $"The guest left with {exit.ToString()} at 0x{registers.Pc:X}, PSTATE 0x{registers.Pstate:X}, ESR_EL1 0x{vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.EsrEl1):X}, " +
                $"ELR_EL1 0x{vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.ElrEl1):X}, VBAR_EL1 0x{vcpu.Arm64.GetSystemRegister(Arm64SystemRegister.VbarEl1):X}.");
        }

        return exit.Value;
    }
}
