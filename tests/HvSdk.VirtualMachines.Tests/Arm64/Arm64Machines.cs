using System.Buffers.Binary;
using HvSdk.Boot;
using HvSdk.Testing;

namespace HvSdk.VirtualMachines.Tests.Arm64;

/// <summary>arm64 machines on a hypervisor that plays a script.</summary>
internal sealed class Arm64Machines : IDisposable
{
    public Arm64Machines(HypervisorFeatures without = HypervisorFeatures.None)
    {
        Backend.Capabilities = Backend.Capabilities with
        {
            Architecture = GuestArchitecture.Arm64,
            Features = Backend.Capabilities.Features & ~without,
            PageSize = 16384,
            InterruptLineCount = 64,
        };
        Backend.SystemRegisters.Add(Arm64SystemRegister.IdAa64Pfr0El1);
        Hypervisor = Hypervisor.Open(Backend);
    }

    public ScriptedBackend Backend { get; } = new();

    public Hypervisor Hypervisor { get; }

    /// <summary>A machine of one processor with the least of a board, which boots a kernel of a header alone.</summary>
    public VirtualMachineBuilder CreateBuilder() => VirtualMachine.CreateBuilder(Hypervisor).WithMemory(16 << 20).Boot(OpenImage);

    public static BootImage OpenImage() => Arm64LinuxImage.Read(BootFile.FromMemory(Kernel()), new LinuxBootOptions { CommandLine = "quiet" });

    /// <summary>Documentation/arch/arm64/booting.rst, 4.</summary>
    public static byte[] Kernel()
    {
        byte[] image = new byte[64];
        BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(16), 0x1000);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(56), 0x644D_5241);
        return image;
    }

    public void Dispose() => Hypervisor.Dispose();
}
