using HvSdk.Boot;
using HvSdk.Testing;
using HvSdk.VirtualMachines;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Samples.KernelTest;

/// <summary>A kernel is booted for each test, in a machine of its own, in a few milliseconds; tests run side by side.</summary>
public sealed class KernelTests
{
    // Offsets in the multiboot information (Multiboot Specification 0.6.96, 3.3).
    private const int MemoryUpper = 8;
    private const int CommandLine = 16;

    [Fact]
    public void Kernel_Image_IsMultiboot()
    {
        // Needs no hypervisor: that the build made what a boot loader takes. A project whose tests are all skipped counts as one without tests, and fails.
        using BootImage image = Kernels.Multiboot(static a => a.hlt())();

        Assert.Equal("Multiboot 1", image.Format);
    }

    [Fact]
    public async Task Kernel_Boots_SaysHelloOnTheSerialPort()
    {
        KernelRun run = await KernelMachine.RunAsync(Kernels.Multiboot(static a =>
        {
            foreach (char c in "Hello, serial world!")
            {
                a.mov(al, c);
                a.PutSerial();
            }

            a.Exit(0);
        }));

        Assert.Equal("Hello, serial world!", run.Serial);
        Assert.Equal((MachineEndKind.Exited, 1), (run.End.Kind, run.End.ExitCode));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(64)]
    [InlineData(1024)]
    [InlineData(6144)] // 3 GiB lie below 4 GiB, as on a PC
    public async Task Kernel_OnAMachineOfAnySize_KnowsItsMemory(int mebibytes)
    {
        // Writes the KiB above 1 MiB, in hexadecimal, to the debug console.
        Func<BootImage> kernel = Kernels.Multiboot(static a =>
        {
            Label digit = a.CreateLabel();
            Label print = a.CreateLabel();
            a.mov(esi, __dword_ptr[ebx + MemoryUpper]);
            a.mov(ecx, 8);
            a.Label(ref digit);
            a.rol(esi, 4);
            a.mov(eax, esi);
            a.and(al, 0xF);
            a.add(al, (sbyte)'0');
            a.cmp(al, (sbyte)'9');
            a.jbe(print);
            a.add(al, 'A' - '9' - 1);
            a.Label(ref print);
            a.@out(Kernels.DebugConsole, al);
            a.dec(ecx);
            a.jnz(digit);
            a.Exit(0);
        });

        KernelRun run = await KernelMachine.RunAsync(kernel, machine => machine.WithMemory((ulong)mebibytes << 20));

        int kibibytes = (int.Min(mebibytes, 3072) - 1) * 1024;
        Assert.InRange(Convert.ToInt32(run.Debug, 16), kibibytes - 1024, kibibytes); // tables may take a little at the top
    }

    [Theory]
    [InlineData("")]
    [InlineData("console=ttyS0 answer=42")]
    public async Task Kernel_GivenACommandLine_FindsIt(string commandLine)
    {
        // Echoes it.
        Func<BootImage> kernel = Kernels.Multiboot(
            static a =>
            {
                Label next = a.CreateLabel();
                Label end = a.CreateLabel();
                a.mov(esi, __dword_ptr[ebx + CommandLine]);
                a.Label(ref next);
                a.mov(al, __byte_ptr[esi]);
                a.test(al, al);
                a.jz(end);
                a.PutSerial();
                a.inc(esi);
                a.jmp(next);
                a.Label(ref end);
                a.Exit(0);
            },
            commandLine);

        Assert.Equal(commandLine, (await KernelMachine.RunAsync(kernel)).Serial);
    }

    [Theory]
    [InlineData(6, 7, 42, 0)]
    [InlineData(6, 7, 41, 3)]
    public async Task SelfTest_OfAKernel_TellsItsResultByTheExitCode(int x, int y, int expected, int failure)
    {
        KernelRun run = await KernelMachine.RunAsync(Kernels.Multiboot(a =>
        {
            Label wrong = a.CreateLabel();
            a.mov(eax, x);
            a.imul(eax, eax, y);
            a.cmp(eax, expected);
            a.jne(wrong);
            a.Exit(0);
            a.Label(ref wrong);
            a.Exit(3);
        }));

        Assert.Equal((failure * 2) + 1, run.End.ExitCode);
    }

    [Fact]
    public async Task BootSector_RealMode_PrintsAndHalts()
    {
        // A processor that halts with interrupts off will never do anything again: so the machine ends.
        KernelRun run = await KernelMachine.RunAsync(Kernels.BootSector(static a =>
        {
            a.mov(al, '!');
            a.@out(Kernels.DebugConsole, al);
            a.cli();
            a.hlt();
        }));

        Assert.Equal((MachineEndKind.Halted, "!"), (run.End.Kind, run.Debug));
    }

    [Fact]
    public async Task Kernel_ThatHangs_IsStoppedAtTheLimit()
    {
        Func<BootImage> kernel = Kernels.Multiboot(static a =>
        {
            Label forever = a.CreateLabel();
            a.mov(al, '?');
            a.@out(Kernels.DebugConsole, al);
            a.Label(ref forever);
            a.jmp(forever);
        });

        KernelRun run = await KernelMachine.RunAsync(kernel, limit: TimeSpan.FromSeconds(5));

        Assert.Equal((MachineEndKind.Stopped, "?"), (run.End.Kind, run.Debug)); // what it said until then is there
    }

    [Fact]
    public async Task Kernel_TripleFaults_IsSeenAsACrash()
    {
        // No interrupt descriptor table, and a selector that is beyond the end of the GDT: a general protection fault that nothing handles.
        KernelRun run = await KernelMachine.RunAsync(Kernels.Multiboot(static a =>
        {
            a.push(0);
            a.push(0);
            a.lidt(__[esp]);
            a.mov(eax, 0xFFF8);
            a.mov(ds, ax);
        }));

        Assert.Equal(MachineEndKind.Crashed, run.End.Kind);
        Assert.Contains("triple fault", run.End.Reason, StringComparison.Ordinal);
    }
}
