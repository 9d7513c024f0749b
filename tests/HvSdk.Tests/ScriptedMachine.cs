using HvSdk.Testing;

namespace HvSdk.Tests;

/// <summary>A partition on a scripted backend, and everything under it.</summary>
internal sealed class ScriptedMachine : IDisposable
{
    internal ScriptedMachine(PartitionOptions? options = null, Action<ScriptedBackend>? configure = null)
    {
        configure?.Invoke(Backend);
        Hypervisor = Hypervisor.Open(Backend);
        Partition = Hypervisor.CreatePartition(options);
    }

    internal ScriptedBackend Backend { get; } = new();

    internal Hypervisor Hypervisor { get; }

    internal Partition Partition { get; }

    /// <summary>The script of vCPU 0.</summary>
    internal VcpuScript Script => Backend.Vcpu(0);

    /// <summary>What the backend was asked for.</summary>
    internal ScriptedPartition Record => Backend.Partition;

    /// <summary>Runs vCPU 0 on this thread until it leaves for good and gives its exit in words.</summary>
    internal string RunToEnd()
    {
        using Vcpu vcpu = Partition.CreateVcpu(0);
        return vcpu.Run().ToString();
    }

    public void Dispose()
    {
        Partition.Dispose();
        Hypervisor.Dispose();
    }

    /// <summary>A backend without some features.</summary>
    internal static Action<ScriptedBackend> Without(HypervisorFeatures features) =>
        backend => backend.Capabilities = backend.Capabilities with { Features = backend.Capabilities.Features & ~features };
}
