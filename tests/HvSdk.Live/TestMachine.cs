using HvSdk.Backends;

namespace HvSdk.Live;

/// <summary>A partition on the hypervisor under test, with RAM from GPA 0, a program in it and a vCPU of the test's thread to run it.</summary>
/// <remarks>
/// The vCPU is created at first use of <see cref="Vcpu"/>, so a test can map more memory before: on KVM that is the fast order. All runs are
/// bounded by the <see cref="Limit"/>.
/// </remarks>
/// <example>
/// <code>
/// using var machine = new TestMachine(GuestProgram.RealMode(a => { a.mov(al, 0x5A); a.@out(0x80, al); }));
/// VcpuExit exit = machine.RunOnce(VcpuExitKind.PortWrite);
/// </code>
/// </example>
public sealed class TestMachine : IDisposable
{
    /// <summary>A GPA of 4 GiB of which nobody else takes a page: RAM ends far below, the interrupt controllers lie above.</summary>
    public const ulong DeviceAddress = 0xD000_0000;

    /// <summary>A port that no part of a PC answers.</summary>
    public const ushort DevicePort = 0x500;

    /// <summary>Size of the RAM where nothing else is said.</summary>
    public const ulong DefaultRamSize = 2 << 20;

    private readonly TestProgram? _program;
    private Vcpu? _vcpu;

    /// <summary>Opens the hypervisor (or skips the test), and puts the machine together.</summary>
    /// <param name="program">What it runs; null: nothing yet.</param>
    /// <param name="configure">Changes the partition's options.</param>
    /// <param name="ramSize">Size of the RAM at GPA 0.</param>
    /// <param name="ram">How the RAM is made; null: anonymous.</param>
    /// <param name="backend">The backend; null: that of <see cref="LiveHypervisor"/>.</param>
    public TestMachine(
        TestProgram? program = null,
        Action<PartitionOptions>? configure = null,
        ulong ramSize = DefaultRamSize,
        MemoryRegionOptions? ram = null,
        HypervisorBackend? backend = null)
    {
        _program = program;
        Hypervisor = LiveHypervisor.Open(backend);
        try
        {
            var options = new PartitionOptions();
            configure?.Invoke(options);
            Partition = Hypervisor.CreatePartition(options);
            Ram = Partition.Memory.Map(0, ramSize, ram);
            program?.LoadInto(Memory);
        }
        catch (Exception e)
        {
            Dispose();
            if (e is NotSupportedException or HypervisorException)
            {
                AbsentFeatures.SkipIfKnown(e);
            }

            throw;
        }
    }

    /// <summary>The hypervisor.</summary>
    public Hypervisor Hypervisor { get; }

    /// <summary>The partition.</summary>
    public Partition Partition { get; }

    /// <summary>The RAM at GPA 0.</summary>
    public MemoryRegion Ram { get; }

    /// <summary>The partition's memory.</summary>
    public GuestMemory Memory => Partition.Memory;

    /// <summary>vCPU 0, ready to run the program: created on the thread that asks first.</summary>
    public Vcpu Vcpu => _vcpu ??= CreateVcpu();

    /// <summary>The vCPU's general registers, of x86-64.</summary>
    public X64Registers Registers
    {
        get => Vcpu.X64.GetRegisters();
        set => Vcpu.X64.SetRegisters(value);
    }

    /// <summary>Runs the guest to its next exit.</summary>
    public VcpuExit RunOnce() => Vcpu.RunOnceBounded();

    /// <summary>Runs the guest to its next exit, and fails unless that is of the expected kind.</summary>
    /// <param name="expected">The kind.</param>
    /// <param name="limit">How long it may take; null: <see cref="Limit.Value"/>.</param>
    public VcpuExit RunOnce(VcpuExitKind expected, TimeSpan? limit = null)
    {
        VcpuExit exit = Vcpu.RunOnceBounded(limit);
        UnexpectedExitException.ThrowUnless(expected, exit, Vcpu, _program);
        return exit;
    }

    /// <summary>Runs the guest with the partition's buses.</summary>
    public VcpuExit Run() => Vcpu.RunBounded();

    /// <summary>Runs the guest with the partition's buses, and fails unless the run ends as expected.</summary>
    /// <param name="expected">The kind of the exit that ends it.</param>
    public VcpuExit Run(VcpuExitKind expected)
    {
        VcpuExit exit = Run();
        UnexpectedExitException.ThrowUnless(expected, exit, Vcpu, _program);
        return exit;
    }

    /// <summary>Runs the guest with a handler.</summary>
    /// <typeparam name="THandler">The handler's type.</typeparam>
    /// <param name="handler">The handler.</param>
    public VcpuExit Run<THandler>(scoped ref THandler handler)
        where THandler : IVcpuHandler, allows ref struct => Vcpu.RunBounded(ref handler);

    /// <summary>Runs the guest with a handler, and fails unless the run ends as expected.</summary>
    /// <typeparam name="THandler">The handler's type.</typeparam>
    /// <param name="handler">The handler.</param>
    /// <param name="expected">The kind of the exit that ends it.</param>
    public VcpuExit Run<THandler>(scoped ref THandler handler, VcpuExitKind expected)
        where THandler : IVcpuHandler, allows ref struct
    {
        VcpuExit exit = Run(ref handler);
        UnexpectedExitException.ThrowUnless(expected, exit, Vcpu, _program);
        return exit;
    }

    /// <summary>Ends the partition and closes the hypervisor.</summary>
    public void Dispose()
    {
        Partition?.Dispose();
        Hypervisor.Dispose();
    }

    private Vcpu CreateVcpu()
    {
        Vcpu vcpu = Partition.CreateVcpu(0);
        _program?.Start(vcpu);
        return vcpu;
    }
}
