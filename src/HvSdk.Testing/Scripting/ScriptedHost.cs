using HvSdk.Backends;

namespace HvSdk.Testing;

/// <summary>An opened <see cref="ScriptedBackend"/>.</summary>
internal sealed class ScriptedHost : HypervisorHost
{
    private readonly ScriptedBackend _backend;
    private readonly ScriptedX64Host? _x64;
    private readonly ScriptedArm64Host? _arm64;
    private bool _disposed;

    internal ScriptedHost(ScriptedBackend backend)
    {
        _backend = backend;
        Capabilities = backend.Capabilities;
        if (Capabilities.Architecture == GuestArchitecture.X64)
        {
            _x64 = new ScriptedX64Host(backend);
        }
        else
        {
            _arm64 = new ScriptedArm64Host(backend);
        }

        backend.CountHost(1);
    }

    public override HypervisorCapabilities Capabilities { get; }

    public override X64HostBackend? X64 => _x64;

    public override Arm64HostBackend? Arm64 => _arm64;

    public override PartitionBackend CreatePartition(PartitionOptions options)
    {
        _backend.Begin(ScriptedOperation.CreatePartition);
        X64CpuidTable cpuid = new(_backend.SupportedCpuid);
        options.X64.ConfigureCpuid?.Invoke(cpuid);
        return new ScriptedPartitionBackend(_backend, _backend.Remember(options), cpuid);
    }

    public override void Dispose()
    {
        if (_disposed)
        {
            throw new InvalidOperationException("Contract: the host was disposed of twice.");
        }

        _disposed = true;
        _backend.CountHost(-1);
    }

    private sealed class ScriptedX64Host(ScriptedBackend backend) : X64HostBackend
    {
        public override X64CpuidTable GetSupportedCpuid() => new(backend.SupportedCpuid);

        public override IReadOnlyList<uint> GetMsrIndexes() => [.. backend.MsrIndexes];
    }

    private sealed class ScriptedArm64Host(ScriptedBackend backend) : Arm64HostBackend
    {
        private const long Frequency = 24_000_000;

        public override long CounterFrequency => Frequency;

        public override IReadOnlyList<Arm64SystemRegisterValue> GetFeatureRegisters() => [new(Arm64SystemRegister.MidrEl1, 0)];

        public override IReadOnlyList<Arm64SystemRegister> GetStateRegisters() => [.. backend.SystemRegisters];
    }
}
