using HvSdk.Boot;
using HvSdk.Devices.Emulated;
using HvSdk.Linux.Tests.Guests;
using HvSdk.Live;
using HvSdk.VirtualMachines;

namespace HvSdk.Linux.Tests;

/// <summary>Real kernels in machines that cannot run them, and real kernels that are damaged.</summary>
public sealed class BadInputTests
{
    private const int MaxCommandLine = 2047;

    [Theory]
    [InlineData(32, 32)] // as little as the kernel itself
    [InlineData(128, 96)]
    public void Build_InitrdDoesNotFit_IsRefusedInWords(int memory, int initrd)
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();

        string message = Refusal(hypervisor, new GuestDescription
        {
            Memory = (ulong)memory * GuestDescription.MiB,
            Image = commandLine => LinuxImage.ReadBzImage(
                BootFile.Open(GuestFiles.PathOf(GuestKernel.Cloud, "vmlinuz")),
                new LinuxBootOptions { CommandLine = commandLine, InitialRamDisk = BootFile.FromMemory(new byte[initrd * GuestDescription.MiB], "big.img") }),
        });

        Assert.Contains("The initial RAM disk", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(GuestKernel.Cloud, KernelForm.BzImage)]
    [InlineData(GuestKernel.Cloud, KernelForm.Pvh)]
    [InlineData(GuestKernel.Standard, KernelForm.BzImageUnpackingItself)]
    [InlineData(GuestKernel.Standard, KernelForm.Elf64)]
    public void Build_KernelDoesNotFit_IsRefusedInWords(GuestKernel kernel, KernelForm form)
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();

        string message = Refusal(hypervisor, new GuestDescription { Kernel = kernel, Form = form, Memory = 16 * GuestDescription.MiB });

        Assert.Contains("The kernel", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KernelForm.BzImage)]
    [InlineData(KernelForm.Pvh)]
    public void Build_CommandLineTooLong_IsRefusedInWords(KernelForm form)
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        string filler = new('x', MaxCommandLine);

        string message = Refusal(hypervisor, new GuestDescription { Form = form, Arguments = filler });

        Assert.Contains($"the kernel takes {MaxCommandLine}", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Boot_LongestCommandLine_ReachesTheKernelWhole()
    {
        const string end = " last=here";
        var description = new GuestDescription { Actions = "report" };
        description = description with { Arguments = $"{new string('x', MaxCommandLine - description.CommandLine.Length - end.Length - 1)}{end}" };
        Assert.Equal(MaxCommandLine, description.CommandLine.Length);

        (GuestReport report, _) = await LinuxGuest.RunAsync(description);

        Assert.Equal(description.CommandLine, report["cmdline"]);
    }

    [Theory]
    [InlineData(GuestKernel.Cloud, 0)]
    [InlineData(GuestKernel.Cloud, 512)]
    [InlineData(GuestKernel.Cloud, 1 << 20)]
    [InlineData(GuestKernel.Standard, 1 << 20)]
    public void Build_TruncatedKernel_IsRefusedInWords(GuestKernel kernel, int length)
    {
        using Hypervisor hypervisor = LiveHypervisor.Open();
        byte[] bytes = File.ReadAllBytes(GuestFiles.PathOf(kernel, "vmlinuz"))[..length];

        string message = Refusal(hypervisor, new GuestDescription { Image = commandLine => Kernel(bytes, commandLine, KernelUnpacking.Auto) });

        Assert.Contains("cut.img", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_DamagedKernelUnpackedOnTheHost_ThrowsAndEndsTheMachine()
    {
        byte[] bytes = Damaged();
        using Hypervisor hypervisor = LiveHypervisor.Open();
        using var serial = new SerialPort16550A();
        await using VirtualMachine machine = LinuxGuest.CreateBuilder(
            hypervisor, new GuestDescription { Image = commandLine => Kernel(bytes, commandLine, KernelUnpacking.OnHost) }, serial).Build();

        await Assert.ThrowsAsync<BootImageException>(() => machine.StartAsync(cancellationToken: TestContext.Current.CancellationToken));

        Assert.Equal(MachineEndKind.Failed, machine.End?.Kind);
    }

    [Fact]
    public async Task Boot_DamagedKernelThatUnpacksItself_HaltsAndSaysSo()
    {
        byte[] bytes = Damaged();
        await using LinuxGuest guest = await LinuxGuest.StartAsync(
            new GuestDescription { Arguments = "earlyprintk=ttyS0", Image = commandLine => Kernel(bytes, commandLine, KernelUnpacking.InGuest) });

        MachineEnd end = await guest.WaitForEndAsync();

        Assert.Equal(MachineEndKind.Halted, end.Kind);
        Assert.Contains("System halted", await guest.Console.ReadToEndAsync(), StringComparison.Ordinal);
    }

    private static LinuxImage Kernel(byte[] bytes, string commandLine, KernelUnpacking unpacking) =>
        LinuxImage.ReadBzImage(BootFile.FromMemory(bytes, "cut.img"), new LinuxBootOptions { CommandLine = commandLine, Unpacking = unpacking });

    /// <summary>The cloud kernel with some bytes of its compressed payload changed.</summary>
    private static byte[] Damaged()
    {
        byte[] bytes = File.ReadAllBytes(GuestFiles.PathOf(GuestKernel.Cloud, "vmlinuz"));
        bytes.AsSpan(bytes.Length / 2, 4096).Fill(0xFF);
        return bytes;
    }

    private static string Refusal(Hypervisor hypervisor, GuestDescription description)
    {
        using var serial = new SerialPort16550A();
        return Assert.Throws<MachineConfigurationException>(() => LinuxGuest.CreateBuilder(hypervisor, description, serial).Build()).Message;
    }
}
