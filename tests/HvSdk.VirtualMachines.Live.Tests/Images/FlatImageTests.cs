using HvSdk.Boot;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>Flat images in each mode: the guest tells where it is, in which mode, and that it has a stack.</summary>
public sealed class FlatImageTests
{
    private const uint Pushed = 0x600D_600D;
    private const uint ProtectionAndPaging = 0x8000_0001;
    private const uint Efer = 0xC000_0080;
    private const uint LongModeActive = 1 << 10;

    [Theory]
    [InlineData(0x7C00, 0, 0x7C00)]
    [InlineData(0x2_3450, 0x2345, 0)]
    public async Task Real_AnyAddress_RunsThere(uint address, uint segment, uint offset)
    {
        uint[] told = await BootAsync(GuestMode.Real, address, static a =>
        {
            Label here = a.CreateLabel();
            a.call(here);
            a.Label(ref here);
            a.pop(bx);
            a.movzx(ebx, bx);
            a.sub(ebx, 3); // the length of the call
            a.Tell(ebx);
            a.xor(ebx, ebx);
            a.mov(bx, cs);
            a.Tell(ebx);
            a.mov(eax, cr0);
            a.Tell(eax);
            a.mov(eax, Pushed);
            a.push(eax);
            a.xor(eax, eax);
            a.pop(eax);
            a.Tell(eax);
            a.End();
        });

        Assert.Equal<uint>([offset, segment, 0, Pushed], [told[0], told[1], told[2] & ProtectionAndPaging, told[3]]);
    }

    [Theory]
    [InlineData(0x1000)]
    [InlineData(0x300_0000)]
    public async Task Protected_AnyAddress_RunsThere(uint address)
    {
        uint[] told = await BootAsync(GuestMode.Protected, address, static a =>
        {
            Label here = a.CreateLabel();
            a.call(here);
            a.Label(ref here);
            a.pop(ebx);
            a.sub(ebx, 5);
            a.Tell(ebx);
            a.mov(eax, cr0);
            a.Tell(eax);
            a.mov(eax, Pushed);
            a.push(eax);
            a.xor(eax, eax);
            a.pop(eax);
            a.Tell(eax);
            a.End();
        });

        Assert.Equal<uint>([address, 1, Pushed], [told[0], told[1] & ProtectionAndPaging, told[2]]);
    }

    [Theory]
    [InlineData(0x1000UL, 64)]
    [InlineData(0x300_0000UL, 64)]
    [InlineData(0x1_2000_0000UL, 4096)] // beyond 4 GiB
    public async Task Long_AnyAddress_RunsThere(ulong address, int mebibytes)
    {
        uint[] told = await BootAsync(
            GuestMode.Long,
            address,
            static a =>
            {
                Label here = a.CreateLabel();
                a.call(here);
                a.Label(ref here);
                a.pop(rbx);
                a.sub(rbx, 5);
                a.Tell(ebx);
                a.shr(rbx, 32);
                a.Tell(ebx);
                a.mov(ecx, Efer);
                a.rdmsr();
                a.Tell(eax);
                a.mov(rax, cr0);
                a.Tell(eax);
                a.push(0x600D);
                a.pop(rax);
                a.Tell(eax);
                a.End();
            },
            mebibytes);

        Assert.Equal<uint>([(uint)address, (uint)(address >> 32), LongModeActive, ProtectionAndPaging, 0x600D], [told[0], told[1], told[2] & LongModeActive, told[3] & ProtectionAndPaging, told[4]]);
    }

    private static Task<uint[]> BootAsync(GuestMode mode, ulong address, Action<Assembler> body, int mebibytes = 64)
    {
        // The code alone is wanted, which is the same at any address; its tables are the image's.
        GuestLayout layout = GuestLayout.Default;
        ReadOnlyMemory<byte> code = (mode switch
        {
            GuestMode.Real => GuestProgram.RealMode(body, layout),
            GuestMode.Protected => GuestProgram.ProtectedMode(body, layout),
            _ => GuestProgram.LongMode(body, layout),
        }).Code;
        var options = new FlatImageOptions { Mode = Enum.Parse<FlatImageMode>(mode.ToString()), LoadAddress = address };
        return LiveMachine.TellAsync(() => FlatImage.Read(BootFile.FromMemory(code), options), machine => machine.WithMemory((ulong)mebibytes << 20));
    }
}
