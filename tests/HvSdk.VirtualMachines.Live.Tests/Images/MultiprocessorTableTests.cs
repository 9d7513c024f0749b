using HvSdk.Boot;
using HvSdk.Testing;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.VirtualMachines.Live.Tests.Images;

/// <summary>The tables of the MultiProcessor Specification, found as an operating system of their time finds them.</summary>
public sealed class MultiprocessorTableTests
{
    private const uint ProcessorEntry = 0;

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Table_SearchedForInRealMode_CountsTheProcessors(int processors)
    {
        ReadOnlyMemory<byte> code = GuestProgram.RealMode(Search).Code;

        uint[] told = await LiveMachine.TellAsync(
            () => FlatImage.Read(BootFile.FromMemory(code), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = GuestLayout.DefaultCodeAddress }),
            machine => machine.WithProcessors(processors).ConfigureBoard(static board =>
            {
                board.Acpi = false;
                board.MultiprocessorTable = true;
            }));

        Assert.Equal([0U, TestKernel.Word("PCMP"), (uint)processors], told);
    }

    [Fact]
    public async Task Table_NotAskedFor_IsNotThere()
    {
        ReadOnlyMemory<byte> code = GuestProgram.RealMode(Search).Code;

        Assert.Empty(await LiveMachine.TellAsync(
            () => FlatImage.Read(BootFile.FromMemory(code), new FlatImageOptions { Mode = FlatImageMode.Real, LoadAddress = GuestLayout.DefaultCodeAddress })));
    }

    /// <summary>
    /// Searches the paragraphs of segment 0xF000 for the floating pointer (MultiProcessor Specification 1.4, 4.1) and tells the sum of its bytes; then
    /// tells the signature of the configuration table that it points to, and the number of processor entries, which come first (4.3.1).
    /// </summary>
    private static void Search(Assembler a)
    {
        Label paragraph = a.CreateLabel();
        Label found = a.CreateLabel();
        Label sum = a.CreateLabel();
        Label count = a.CreateLabel();
        Label counted = a.CreateLabel();
        Label end = a.CreateLabel();
        a.mov(ax, 0xF000);
        a.mov(ds, ax);
        a.xor(si, si);
        a.Label(ref paragraph);
        a.cmp(__dword_ptr[si], unchecked((int)TestKernel.Word("_MP_")));
        a.je(found);
        a.add(si, 16);
        a.jnz(paragraph);
        a.jmp(end);

        a.Label(ref found);
        a.mov(di, si);
        a.mov(cx, 16);
        a.xor(ebx, ebx);
        a.Label(ref sum);
        a.add(bl, __byte_ptr[di]);
        a.inc(di);
        a.loop(sum);
        a.Tell(ebx);

        a.mov(ebx, __dword_ptr[si + 4]); // where the table is: in this segment, too
        a.sub(ebx, 0xF_0000);
        a.Tell(__dword_ptr[bx]);
        a.add(bx, 44); // its header
        a.xor(ecx, ecx);
        a.Label(ref count);
        a.cmp(__byte_ptr[bx], (int)ProcessorEntry);
        a.jne(counted);
        a.inc(ecx);
        a.add(bx, 20);
        a.jmp(count);
        a.Label(ref counted);
        a.Tell(ecx);
        a.Label(ref end);
        a.End();
    }
}
