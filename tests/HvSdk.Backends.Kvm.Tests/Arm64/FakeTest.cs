using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>What tests over <see cref="FakeKvm"/> share: a partition with some RAM over a fake.</summary>
internal sealed class FakeTest : IDisposable
{
    internal const ulong Ram = 0x4000_0000;
    internal const ulong RamSize = 0x10_0000;

    internal FakeTest(Action<PartitionOptions>? configure = null, FakeKvm? kvm = null, KvmBackendOptions? options = null)
    {
        Kvm = kvm ?? new FakeKvm();
        Hypervisor = Hypervisor.Open(new KvmBackend(Kvm, options));
        PartitionOptions partition = new();
        configure?.Invoke(partition);
        try
        {
            Partition = Hypervisor.CreatePartition(partition);
            Region = Partition.Memory.Map(Ram, RamSize);
        }
        catch
        {
            Partition?.Dispose();
            Hypervisor.Dispose();
            throw;
        }
    }

    internal FakeKvm Kvm { get; }

    internal Hypervisor Hypervisor { get; }

    internal Partition Partition { get; }

    internal MemoryRegion Region { get; }

    /// <summary>With the kernel's GIC, and lines 64 to 79 behind a frame of messages.</summary>
    internal static void Full(PartitionOptions options)
    {
        options.InterruptController = InterruptControllerMode.Full;
        options.Arm64.Gic = new() { MsiFrame = Frame };
    }

    internal static Arm64MsiFrame Frame { get; } = new(0x0802_0000, 64, 16);

    /// <summary>The fake's vCPU behind an index.</summary>
    internal FakeVcpu Vcpu(int index = 0) => Kvm.Machine.Vcpus.Single(vcpu => vcpu.Index == index);

    /// <summary>The next exit, within the limit.</summary>
    internal static VcpuExit Next(Vcpu vcpu)
    {
        using CancellationTokenSource limit = new(Limit.Value);
        using CancellationTokenRegistration end = limit.Token.Register(vcpu.Cancel);
        return vcpu.RunOnce();
    }

    public void Dispose()
    {
        Partition.Dispose();
        Hypervisor.Dispose();
        Assert.Equal(0, Kvm.OpenCount);
    }
}
